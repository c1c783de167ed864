//! IEC 61850: configuration files (SCL), the client/server protocol (MMS) and GOOSE.
