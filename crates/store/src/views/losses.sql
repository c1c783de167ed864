-- Losses of each feeder over the run.
-- needs: feeder_totals
-- study []: name of the study
-- feeder []: name of the feeder
-- energy_kwh [kWh]: energy from the sources
-- load_energy_kwh [kWh]: energy of the loads
-- losses_kwh [kWh]: all losses
-- line_losses_kwh [kWh]: losses of the lines
-- transformer_losses_kwh [kWh]: losses of the transformers
-- no_load_losses_kwh [kWh]: no-load losses of the transformers
-- load_losses_kwh [kWh]: all losses but the no-load losses
-- losses_pct [%]: all losses, of the energy from the sources
-- line_losses_pct [%]: losses of the lines, of the energy from the sources
-- transformer_losses_pct [%]: losses of the transformers, of the energy from the sources
SELECT
    study,
    feeder,
    energy_kwh,
    load_energy_kwh,
    losses_kwh,
    line_losses_kwh,
    transformer_losses_kwh,
    no_load_losses_kwh,
    losses_kwh - no_load_losses_kwh AS load_losses_kwh,
    CASE WHEN energy_kwh > 0 THEN 100 * losses_kwh / energy_kwh END AS losses_pct,
    CASE WHEN energy_kwh > 0 THEN 100 * line_losses_kwh / energy_kwh END AS line_losses_pct,
    CASE WHEN energy_kwh > 0 THEN 100 * transformer_losses_kwh / energy_kwh END AS transformer_losses_pct
FROM feeder_totals
