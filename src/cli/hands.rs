//! # Requests to the daemon, or to the store while none runs
//!
//! Who asks need not care: the words, the checks and the exit codes are the same.

use serde_json::{Map, Value as Json};

use super::{
    context::Context,
    control::{self, ControlError},
    recorded::failure,
    report::Failure,
};
use crate::daemon::offline::{self, OfflineError};

/// Asks, and gives the answer's `data`.
pub fn request(context: &Context, verb: &str, fields: Map<String, Json>) -> anyhow::Result<Json> {
    let state_dir = context.state_dir()?;
    let not_running = match control::ask(&state_dir, verb, fields.clone(), control::PATIENCE) {
        Err(error @ ControlError::NotRunning { .. }) => error,
        other => return Ok(other?),
    };
    match offline::obey(context.settings()?, &state_dir, verb, fields) {
        Ok(data) => Ok(data),
        Err(OfflineError::NeedsDaemon) => Err(not_running.into()),
        Err(OfflineError::Store(error)) => Err(failure(error).into()),
        // The code decides the exit, as it does for the daemon's refusals.
        Err(OfflineError::Refused(refusal)) => {
            let error = ControlError::Refused { code: refusal.code.word().into(), message: refusal.message };
            let told = Failure::new(error.exit(), error.to_string());
            Err(match error.advice() {
                Some(advice) => told.advise(advice).into(),
                None => told.into(),
            })
        }
    }
}
