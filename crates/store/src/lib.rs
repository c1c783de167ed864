//! Projects on disk: the results lake of Parquet files, and SQL over it.
