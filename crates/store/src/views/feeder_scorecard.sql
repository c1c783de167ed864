-- One line for each feeder: its size, peak, energy, losses, voltages, loadings and how the run went.
-- needs: feeder_totals node_statistics element_statistics
-- study []: name of the study
-- feeder []: name of the feeder
-- nodes []: nodes that the engine solves
-- loads []: loads in service
-- line_km [km]: length of all lines
-- transformer_kva [kVA]: ratings of all transformers
-- peak_kw [kW]: largest active power of the sources
-- peak_hour [h]: hour of that
-- load_factor []: mean over largest active power of the sources
-- energy_kwh [kWh]: energy from the sources
-- losses_pct [%]: all losses, of the energy from the sources
-- v_min_pu [pu]: lowest voltage
-- v_max_pu [pu]: highest voltage
-- nodes_outside_a []: nodes that were ever outside range A of ANSI C84.1
-- nodes_outside_b []: nodes that were ever outside range B
-- loading_max_pct [%]: largest loading of a line or transformer
-- worst_element []: the element of that loading
-- overloaded_elements []: elements that were ever above their normal rating
-- overload_hours [h]: time above normal rating, summed over the elements
-- control_actions []: actions of all controls
-- unsettled []: steps that did not settle
SELECT
    t.study,
    t.feeder,
    t.nodes,
    t.loads,
    t.line_km,
    t.transformer_kva,
    t.peak_kw,
    t.peak_hour,
    CASE
        WHEN t.peak_kw > 0 AND t.steps > t.unsettled
        THEN t.energy_kwh / (t.peak_kw * CAST(t.steps - t.unsettled AS DOUBLE) * t.step_h)
    END AS load_factor,
    t.energy_kwh,
    CASE WHEN t.energy_kwh > 0 THEN 100 * t.losses_kwh / t.energy_kwh END AS losses_pct,
    n.v_min_pu,
    n.v_max_pu,
    coalesce(n.nodes_outside_a, 0) AS nodes_outside_a,
    coalesce(n.nodes_outside_b, 0) AS nodes_outside_b,
    e.loading_max_pct,
    e.worst_element,
    coalesce(e.overloaded_elements, 0) AS overloaded_elements,
    coalesce(e.overload_hours, 0.0) AS overload_hours,
    t.control_actions,
    t.unsettled
FROM feeder_totals AS t
LEFT JOIN (
    SELECT
        study,
        feeder,
        min(v_min_pu) AS v_min_pu,
        max(v_max_pu) AS v_max_pu,
        count(*) FILTER (WHERE hours_below_a + hours_above_a > 0) AS nodes_outside_a,
        count(*) FILTER (WHERE hours_below_b + hours_above_b > 0) AS nodes_outside_b
    FROM node_statistics
    GROUP BY study, feeder
) AS n ON n.study = t.study AND n.feeder = t.feeder
LEFT JOIN (
    SELECT
        study,
        feeder,
        max(loading_max_pct) AS loading_max_pct,
        first_value(element ORDER BY loading_max_pct DESC NULLS LAST, element) FILTER (WHERE loading_max_pct IS NOT NULL) AS worst_element,
        count(*) FILTER (WHERE hours_above_normal > 0) AS overloaded_elements,
        sum(hours_above_normal) AS overload_hours
    FROM element_statistics
    GROUP BY study, feeder
) AS e ON e.study = t.study AND e.feeder = t.feeder
