-- Where the meters and transformers of a map stood when it was made, so that it can be looked over without reading the networks again.

ALTER TABLE meter_map_rows ADD COLUMN lon_deg DOUBLE PRECISION;

ALTER TABLE meter_map_rows ADD COLUMN lat_deg DOUBLE PRECISION;

CREATE TABLE meter_map_sites (
    meter_map BIGINT NOT NULL REFERENCES meter_maps (id),
    position BIGINT NOT NULL,
    transformer TEXT NOT NULL,
    network TEXT NOT NULL,
    element TEXT NOT NULL,
    feeder TEXT NOT NULL,
    phases BIGINT NOT NULL,
    kva DOUBLE PRECISION,
    lon_deg DOUBLE PRECISION NOT NULL,
    lat_deg DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (meter_map, position)
);
