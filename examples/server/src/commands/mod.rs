//! The commands other than `serve`.

pub mod inbox;
pub mod send;
