//! Reads and judges identity documents.
//!
//! [`reader`] turns pictures into a machine-readable zone, [`mrz`] knows what such a zone may hold and corrects what text
//! recognition made of it, [`judge`] tests what was read, [`capture`] how it was photographed, [`policy`] turns the tests into the outcome of the check, and [`server`] puts
//! all of it behind gRPC. Nothing is kept between calls.

pub mod capture;
pub mod config;
pub mod error;
pub mod evaluate;
pub mod judge;
mod message;
pub mod mrz;
pub mod policy;
pub mod printed;
pub mod reader;
mod request;
pub mod requirements;
pub mod server;

mod service;
