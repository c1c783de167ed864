-- Voltages beyond a range of ANSI C84.1, by feeder, range and side; nothing for a feeder that stayed within.
-- needs: node_statistics
-- study []: name of the study
-- feeder []: name of the feeder
-- ansi_range []: A or B
-- side []: below or above
-- nodes []: nodes that were beyond the limit
-- node_hours [h]: time beyond the limit, summed over the nodes
-- longest_hours [h]: time beyond the limit of the node that was beyond it longest
-- worst_node []: node with the voltage farthest beyond the limit
-- worst_bus []: its bus
-- worst_v_pu [pu]: that voltage
-- worst_hour [h]: hour of that voltage
SELECT study, feeder, ansi_range, side, nodes, node_hours, longest_hours, worst_node, worst_bus, worst_v_pu, worst_hour
FROM (
    SELECT
        study,
        feeder,
        'A' AS ansi_range,
        'below' AS side,
        count(*) AS nodes,
        sum(hours_below_a) AS node_hours,
        max(hours_below_a) AS longest_hours,
        first_value(node ORDER BY v_min_pu, node) AS worst_node,
        first_value(bus ORDER BY v_min_pu, node) AS worst_bus,
        min(v_min_pu) AS worst_v_pu,
        first_value(v_min_hour ORDER BY v_min_pu, node) AS worst_hour
    FROM node_statistics
    WHERE hours_below_a > 0
    GROUP BY study, feeder
    UNION ALL
    SELECT
        study,
        feeder,
        'A' AS ansi_range,
        'above' AS side,
        count(*) AS nodes,
        sum(hours_above_a) AS node_hours,
        max(hours_above_a) AS longest_hours,
        first_value(node ORDER BY v_max_pu DESC, node) AS worst_node,
        first_value(bus ORDER BY v_max_pu DESC, node) AS worst_bus,
        max(v_max_pu) AS worst_v_pu,
        first_value(v_max_hour ORDER BY v_max_pu DESC, node) AS worst_hour
    FROM node_statistics
    WHERE hours_above_a > 0
    GROUP BY study, feeder
    UNION ALL
    SELECT
        study,
        feeder,
        'B' AS ansi_range,
        'below' AS side,
        count(*) AS nodes,
        sum(hours_below_b) AS node_hours,
        max(hours_below_b) AS longest_hours,
        first_value(node ORDER BY v_min_pu, node) AS worst_node,
        first_value(bus ORDER BY v_min_pu, node) AS worst_bus,
        min(v_min_pu) AS worst_v_pu,
        first_value(v_min_hour ORDER BY v_min_pu, node) AS worst_hour
    FROM node_statistics
    WHERE hours_below_b > 0
    GROUP BY study, feeder
    UNION ALL
    SELECT
        study,
        feeder,
        'B' AS ansi_range,
        'above' AS side,
        count(*) AS nodes,
        sum(hours_above_b) AS node_hours,
        max(hours_above_b) AS longest_hours,
        first_value(node ORDER BY v_max_pu DESC, node) AS worst_node,
        first_value(bus ORDER BY v_max_pu DESC, node) AS worst_bus,
        max(v_max_pu) AS worst_v_pu,
        first_value(v_max_hour ORDER BY v_max_pu DESC, node) AS worst_hour
    FROM node_statistics
    WHERE hours_above_b > 0
    GROUP BY study, feeder
)
