//! sface
