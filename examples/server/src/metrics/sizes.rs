//! [`Sizes`]: what the database holds, counted when somebody asks for it.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

/// How much there is in the inbox and in the outbox.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sizes {
    pub(crate) deliveries: u64,
    pub(crate) waiting: u64,
    pub(crate) sent: u64,
    pub(crate) failed: u64,
    /// For how long the oldest that waits has done so.
    pub(crate) oldest_waits: Duration,
}

impl Sizes {
    /// In a `registry` of their own: they are known to this one request alone, and another may be
    /// answered at the same time.
    pub(super) fn write(&self, text: &mut String, mut registry: Registry) -> fmt::Result {
        registry.register(
            "inbox_deliveries",
            "Deliveries in the inbox",
            ConstGauge::new(self.deliveries),
        );
        let outbox = Family::<[(&str, &str); 1], Gauge>::default();
        for (state, count) in
            [("waiting", self.waiting), ("sent", self.sent), ("failed", self.failed)]
        {
            let count = count.try_into().unwrap_or(i64::MAX);
            outbox.get_or_create(&[("state", state)]).set(count);
        }
        registry.register("outbox_notifications", "Notifications in the outbox, by state", outbox);
        registry.register_with_unit(
            "outbox_oldest_waiting",
            "For how long the oldest notification that is not sent has waited, 0 if there is none",
            Unit::Seconds,
            ConstGauge::new(self.oldest_waits.as_secs()),
        );
        encode_registry(text, &registry)
    }
}
