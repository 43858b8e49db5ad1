//! What every Bonafide service does alike: configuration, telemetry, serving, authentication, health
