//! As much of Home Assistant's Supervisor as tells of the broker.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use porchlight::mqtt::find::Supervisor;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// What it says of the broker on this machine.
pub fn account(port: u16, password: &str) -> String {
    format!(
        r#"{{"result":"ok","data":{{"host":"127.0.0.1","port":{port},"ssl":false,"username":"addons","password":"{password}"}}}}"#
    )
}

/// One that answers with these, one after the other, and with the last for ever; and how often it
/// was asked.
pub async fn supervisor(status: &'static str, answers: Vec<String>) -> (Supervisor, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let bytes = stream.read(&mut request).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..bytes]).to_lowercase();
            let is_right = text.starts_with("get /services/mqtt ") && text.contains("authorization: bearer token");
            let status = if is_right { status } else { "401 Unauthorized" };
            let body = &answers[count.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1)];
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (Supervisor::new(format!("http://127.0.0.1:{port}/"), "token"), asked)
}
