//! Reads and evaluates identity documents.
//!
//! [`reader`] turns pictures into a machine-readable zone and lines of print, [`mrz`] knows what such a zone may hold and how sure it
//! is, [`printed`] compares print and zone, [`evidence`] joins the two, [`page`] and [`capture`] look at the picture around them,
//! [`rules`] tests what was read, [`policy`] turns the tests into the outcome of the check, and [`server`] puts
//! all of it behind gRPC. Nothing is kept between calls.

pub mod capture;
pub mod checker;
pub mod config;
pub mod error;
pub mod evidence;
mod inspection;
mod message;
pub mod mrz;
pub mod page;
pub mod policy;
pub mod printed;
pub mod reader;
mod request;
pub mod requirements;
pub mod rules;
pub mod server;

mod service;
