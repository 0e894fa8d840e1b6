//! # MQTT through a websocket
//!
//! Binary messages in a row are the byte stream of MQTT; where one message ends means nothing
//! (MQTT 5 §6.0).

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Error, Message},
};

/// A websocket as a stream of bytes.
pub(super) struct Bytes<S> {
    socket: WebSocketStream<S>,
    /// Rest of the last message.
    left: bytes::Bytes,
}

impl<S> Bytes<S> {
    pub(super) fn new(socket: WebSocketStream<S>) -> Self {
        Bytes { socket, left: bytes::Bytes::new() }
    }
}

fn plain(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::ConnectionClosed | Error::AlreadyClosed => io::ErrorKind::ConnectionAborted.into(),
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Bytes<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.left.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                None | Some(Ok(Message::Close(_))) => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(plain(error))),
                Some(Ok(Message::Binary(bytes))) => self.left = bytes,
                // Pings are answered by the library; text is not for us.
                Some(Ok(_)) => {}
            }
        }
        let count = self.left.len().min(buf.remaining());
        buf.put_slice(&self.left.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Bytes<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(Pin::new(&mut self.socket).poll_ready(cx)).map_err(plain)?;
        let message = Message::Binary(bytes::Bytes::copy_from_slice(buf));
        Pin::new(&mut self.socket).start_send(message).map_err(plain)?;
        Poll::Ready(Ok(buf.len()))
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx).map_err(plain)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx).map_err(plain)
    }
}
