//! `tawk-listener send`: plays Tawk.to against a listener, well-behaved or with a fault.
//!
//! ```text
//! payloads.rs   what to send            fault.rs   how to misbehave
//! delivery.rs   a payload, signed, possibly with a fault
//! workers.rs    sends deliveries side by side, again after a wait (backoff.rs)
//! client.rs     sends one (target.rs, patient.rs, unfinished.rs) -> answer.rs
//! report.rs     prints what happened (table.rs, summary.rs)
//! curl.rs       prints commands in place of all that
//! ```

mod answer;
mod backoff;
mod client;
mod curl;
mod delivery;
mod fault;
mod patient;
mod payloads;
mod report;
mod summary;
mod table;
mod target;
mod unfinished;
mod workers;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tower_tawk::Secret;

use delivery::{Delivery, EventId, EventIds};
use fault::Fault;
use report::Reporter;
use target::{Connector, Target};
use workers::Work;

// Has no `Debug`, since that would show the secret. The comments are what `--help` shows.
/// Play Tawk.to: send signed deliveries to a listener
#[derive(Args)]
#[command(after_help = "Exit status: 0 if every delivery ended as expected (accepted, or refused \
                        if it has a fault), 1 if one did not, 2 if nothing could be sent.")]
pub(crate) struct Arguments {
    /// What to send: files of your own, events (chat:start), words of events (transcript,
    /// ticket), or beginnings of the example payloads' names (08-transcript); all twelve of
    /// these if nothing is named
    #[arg(value_name = "WHAT")]
    names: Vec<String>,

    /// Where to send it
    // A plain string, since clap repeats the values that it refuses: there may be a password in it.
    #[arg(long, default_value = "http://127.0.0.1:8000/tawk-webhook")]
    url: String,

    /// What to sign with: the listener's secret. Of several the first is taken. Better set in
    /// the environment or in `.env`, where other users of this machine do not see it
    #[arg(long, env = "TAWK_WEBHOOK_SECRET", hide_env_values = true)]
    secret: Option<String>,

    /// The X-Hook-Event-Id of every delivery, in place of a new one for each
    #[arg(long, value_name = "ID", value_parser = EventId::parse)]
    event_id: Option<EventId>,

    /// How many times to send each payload
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,

    /// How many deliveries to send at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,

    /// Send again until the answer is 2xx: after 1 s, 2 s, 4 s and so on, for 12 hours at most
    #[arg(long, conflicts_with = "fault")]
    retry: bool,

    /// Misbehave; being refused is then the expected outcome
    #[arg(long, value_name = "NAME")]
    fault: Option<Fault>,

    /// Print the equivalent curl commands, and send nothing
    #[arg(long, conflicts_with_all = ["repeat", "concurrency", "retry"])]
    print: bool,
}

/// Sends, or prints, and says with which status to exit.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    let sent = if arguments.print { print(arguments) } else { send(arguments).await };
    match sent {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => crate::could_not_start(error),
    }
}

fn print(arguments: Arguments) -> Result<bool, Box<dyn Error>> {
    if let Some(reason) = arguments.fault.and_then(curl::cannot) {
        return Err(format!("{reason}; leave --print out to send it from here").into());
    }
    let target = target(&arguments)?;
    let deliveries = deliveries(&arguments)?;
    let event_ids = EventIds::new(arguments.event_id);
    for (number, delivery) in (1..).zip(&deliveries) {
        report::print(&curl::command(&target, delivery, &event_ids.of(number)));
    }
    Ok(true)
}

async fn send(arguments: Arguments) -> Result<bool, Box<dyn Error>> {
    let target = target(&arguments)?;
    let deliveries = deliveries(&arguments)?;
    let Arguments { event_id, repeat, concurrency, retry, fault, .. } = arguments;
    let connector = Connector::new(target.clone())?;
    let total = u64::from(repeat) * deliveries.len() as u64;
    let event_ids = EventIds::new(event_id);
    let work = Arc::new(Work { deliveries, event_ids, total, retry, fault });

    let mut reporter = Reporter::new(Arc::clone(&work), repeat > 1 || concurrency > 1);
    let mut reports = workers::start(&work, connector, concurrency.into());
    while let Some(report) = reports.recv().await {
        reporter.add(report);
    }
    Ok(reporter.finish(&target))
}

fn target(arguments: &Arguments) -> Result<Target, String> {
    Target::parse(&arguments.url).map_err(|advice| format!("--url cannot be used: {advice}"))
}

fn deliveries(arguments: &Arguments) -> Result<Vec<Delivery>, Box<dyn Error>> {
    let secret = secret(arguments.secret.as_deref())?;
    let payloads = payloads::select(&arguments.names)?;
    let signed = |payload| Delivery::new(payload, &secret, arguments.fault);
    Ok(payloads.into_iter().map(signed).collect())
}

/// The one that a listener with this setting expects most often.
fn secret(setting: Option<&str>) -> Result<Secret, Box<dyn Error>> {
    let secrets = crate::config::webhook_secrets(setting)?;
    let (_, secret) = secrets.into_iter().next().ok_or("there is no webhook secret")?;
    Ok(secret)
}
