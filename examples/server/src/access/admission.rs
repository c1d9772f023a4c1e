//! Limits the number of concurrent deliveries.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::Semaphore;

use crate::config::Settings;
use crate::error::AppError;

/// Creates the permits for `TAWK_MAX_CONCURRENT` deliveries.
pub fn permits(settings: &Settings) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(settings.tawk_max_concurrent.get().min(Semaphore::MAX_PERMITS)))
}

/// Rejects a request if there is no permit. None waits for one: Tawk.to retries rejected requests,
/// and waiting ones would cost memory.
pub async fn admit(
    State(permits): State<Arc<Semaphore>>,
    request: Request,
    next: Next,
) -> Result<Response, AppError> {
    let permit = permits.try_acquire().map_err(|_| AppError::TooManyRequests)?;
    let response = next.run(request).await;
    drop(permit);
    Ok(response)
}
