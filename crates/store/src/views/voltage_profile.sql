-- Voltages of every bus: the lowest and highest of its nodes, and their mean.
-- needs: node_statistics
-- study []: name of the study
-- feeder []: name of the feeder
-- bus []: name of the bus
-- nodes []: nodes of the bus
-- kv_base_ln [kV]: voltage base, line to neutral
-- x []: first coordinate, as the model gives it
-- y []: second coordinate, as the model gives it
-- v_min_pu [pu]: lowest voltage of any node
-- v_p05_pu [pu]: lowest of the nodes' voltages that 5 % of the time is below
-- v_mean_pu [pu]: mean of the nodes' mean voltages
-- v_p95_pu [pu]: highest of the nodes' voltages that 95 % of the time is below
-- v_max_pu [pu]: highest voltage of any node
SELECT
    study,
    feeder,
    bus,
    count(*) AS nodes,
    max(kv_base_ln) AS kv_base_ln,
    max(x) AS x,
    max(y) AS y,
    min(v_min_pu) AS v_min_pu,
    min(v_p05_pu) AS v_p05_pu,
    avg(v_mean_pu) AS v_mean_pu,
    max(v_p95_pu) AS v_p95_pu,
    max(v_max_pu) AS v_max_pu
FROM node_statistics
GROUP BY study, feeder, bus
