-- Lines and transformers that were loaded above their normal rating.
-- needs: element_statistics
-- study []: name of the study
-- feeder []: name of the feeder
-- element []: class and name of the element
-- kind []: line or transformer
-- rating [A or kVA]: normal rating, of a line in A, of a transformer in kVA
-- loading_max_pct [%]: largest loading
-- loading_max_hour [h]: hour of the largest loading
-- loading_p99_pct [%]: loading that 99 % of the time is below
-- hours_above_normal [h]: cumulative time above the normal rating
-- hours_above_emergency [h]: cumulative time above the emergency rating
SELECT
    study,
    feeder,
    element,
    kind,
    coalesce(rating_a, rating_kva) AS rating,
    loading_max_pct,
    loading_max_hour,
    loading_p99_pct,
    hours_above_normal,
    hours_above_emergency
FROM element_statistics
WHERE hours_above_normal > 0
