//! A server for others, until somebody wants it to end.

use super::check::runtime;
use crate::engine::Stop;
use crate::error::{Failure, Result};
use crate::local::Server;

/// Lets the server go on until `stop` drains, then waits for the requests under way, or cuts them once `stop` does.
///
/// # Errors
/// When the server ends before it was told to.
pub fn serve(server: Server, stop: &Stop) -> Result<()> {
    runtime()?.block_on(async {
        tokio::select! {
            () = stop.until_draining() => {}
            () = server.ended() => return Err(Failure::bug("the server ended, although nobody told it to")),
        }
        server.drain();
        tokio::select! {
            () = stop.until_cut() => server.cut(),
            () = server.ended() => {}
        }
        Ok(())
    })?;
    server.stop();
    Ok(())
}
