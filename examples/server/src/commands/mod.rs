//! The commands besides `serve`.

pub mod inbox;
