//! Who may deliver, and how many at once: decided by the head of a request, before its body is read
//! and its signature verified.

pub mod admission;
pub mod allow_list;
mod client_ip;
pub mod connections;
