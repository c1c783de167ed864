-- Loading and unbalance of every transformer that has a rating.
-- needs: element_statistics
-- study []: name of the study
-- feeder []: name of the feeder
-- element []: class and name of the transformer
-- rating_kva [kVA]: rating
-- s_max_kva [kVA]: largest apparent power
-- loading_max_pct [%]: largest loading
-- loading_max_hour [h]: hour of the largest loading
-- loading_mean_pct [%]: mean loading
-- loading_p95_pct [%]: loading that 95 % of the time is below
-- hours_above_normal [h]: time above the rating
-- hours_above_emergency [h]: time above the emergency rating
-- unbalance_max_pct [%]: largest unbalance of the phase currents
-- unbalance_mean_pct [%]: mean unbalance of the phase currents
-- energy_kwh [kWh]: energy into terminal 1 while power flows in
-- energy_reverse_kwh [kWh]: energy out of terminal 1 while power flows out
-- losses_kwh [kWh]: losses
-- no_load_losses_kwh [kWh]: no-load losses
SELECT
    study,
    feeder,
    element,
    rating_kva,
    s_max_kva,
    loading_max_pct,
    loading_max_hour,
    loading_mean_pct,
    loading_p95_pct,
    hours_above_normal,
    hours_above_emergency,
    unbalance_max_pct,
    unbalance_mean_pct,
    energy_kwh,
    energy_reverse_kwh,
    losses_kwh,
    no_load_losses_kwh
FROM element_statistics
WHERE kind = 'transformer' AND rating_kva IS NOT NULL
