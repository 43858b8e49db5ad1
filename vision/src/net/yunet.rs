//! yunet
