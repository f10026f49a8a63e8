//! A small HTTP/1.1 server inside the test process; each test decides what it answers.
//!
//! Included by path where it is needed, so that unit and integration tests share it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// How often this path was asked before.
    pub before: usize,
}

/// What to do with a request.
#[derive(Debug, Clone)]
pub enum Answer {
    Reply {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// Close the connection without a word.
    Reset,
    /// Promise more than is sent, then close.
    CutOff(Vec<u8>),
    /// These bytes and nothing else, head included.
    Raw(Vec<u8>),
    /// A head, then a byte now and then for as long as somebody listens.
    Drip(std::time::Duration),
}

impl Answer {
    /// An answer without body.
    pub fn status(status: u16) -> Self {
        Self::Reply {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// 200 with a body of this type.
    pub fn ok(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::status(200)
            .header("content-type", content_type)
            .body(body)
    }

    /// 200 with an HTML page.
    pub fn html(body: impl Into<Vec<u8>>) -> Self {
        Self::ok("text/html", body)
    }

    /// Bytes with support for `Range` headers, as file hosts have it.
    pub fn file(asked: &Asked, bytes: &[u8]) -> Self {
        let Some(range) = asked.headers.get("range") else {
            return Self::ok("application/octet-stream", bytes);
        };
        let (first, last) = range
            .strip_prefix("bytes=")
            .unwrap()
            .split_once('-')
            .unwrap();
        let (start, end) = if first.is_empty() {
            (
                bytes.len().saturating_sub(last.parse().unwrap()),
                bytes.len(),
            )
        } else {
            let end = last.parse::<usize>().unwrap() + 1;
            (first.parse().unwrap(), end.min(bytes.len()))
        };
        let range = format!("bytes {start}-{}/{}", end - 1, bytes.len());
        Self::status(206)
            .header("content-range", &range)
            .body(&bytes[start..end])
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Reply { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The body of a reply; nothing for the others.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Reply { body, .. } => body,
            _ => &[],
        }
    }

    fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        if let Self::Reply { body, .. } = &mut self {
            *body = bytes.into();
        }
        self
    }
}

/// A running server; it ends with the process.
pub struct Server {
    origin: String,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Starts on a free port of this machine.
    pub fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen("http://127.0.0.1", answer, |stream, answer, log| {
            let mut reader = BufReader::new(stream);
            serve(&mut reader, answer, log);
            let _ = reader.get_ref().shutdown(std::net::Shutdown::Write);
            // let the other side read to the end before the socket closes
            let _ = reader.read(&mut [0]);
        })
    }

    /// The same over https, with a certificate of its own, which comes along in PEM.
    pub fn start_tls(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> (Self, String) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = made.signing_key.serialize_der();
        let key = rustls::pki_types::PrivateKeyDer::try_from(key).unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let server = Self::listen("https://localhost", answer, move |stream, answer, log| {
            let tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut reader = BufReader::new(rustls::StreamOwned::new(tls, stream));
            serve(&mut reader, answer, log);
            let stream = reader.get_mut();
            stream.conn.send_close_notify();
            let _ = stream.flush();
        });
        (server, made.cert.pem())
    }

    fn listen(
        origin: &str,
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
        talk: impl Fn(TcpStream, &dyn Fn(&Asked) -> Answer, &Mutex<Vec<Asked>>) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::new((answer, talk, Arc::clone(&log)));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || (shared.1)(stream, &shared.0, &shared.2));
            }
        });
        let origin = format!("{origin}:{port}");
        Self { origin, log }
    }

    /// Address of a path, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }

    /// Requests so far as `METHOD PATH`, with the range if there was one.
    pub fn lines(&self) -> Vec<String> {
        let line = |asked: &Asked| {
            let mut line = format!("{} {}", asked.method, asked.path);
            if let Some(range) = asked.headers.get("range") {
                write!(line, " {range}").unwrap();
            }
            line
        };
        self.asked().iter().map(line).collect()
    }
}

fn serve<S: Read + Write>(
    reader: &mut BufReader<S>,
    answer: &dyn Fn(&Asked) -> Answer,
    log: &Mutex<Vec<Asked>>,
) {
    let Some(mut asked) = read_request(reader) else {
        return;
    };
    {
        let mut log = log.lock().unwrap();
        asked.before = log.iter().filter(|old| old.path == asked.path).count();
        log.push(asked.clone());
    }
    write_answer(reader.get_mut(), &asked, answer(&asked));
}

fn read_request(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    Some(Asked {
        method,
        path,
        headers,
        before: 0,
    })
}

/// Write errors mean that the client went away, which some tests want.
fn write_answer(stream: &mut impl Write, asked: &Asked, answer: Answer) {
    match answer {
        Answer::Reset => {}
        Answer::Raw(bytes) => {
            let _ = stream.write_all(&bytes);
        }
        Answer::Drip(pause) => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n");
            while stream.write_all(b" ").is_ok() {
                thread::sleep(pause);
            }
        }
        Answer::CutOff(body) => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 999999\r\n\r\n");
            let _ = stream.write_all(&body);
        }
        Answer::Reply {
            status,
            headers,
            body,
        } => {
            let mut head = format!("HTTP/1.1 {status} Status\r\nconnection: close\r\n");
            for (name, value) in headers {
                write!(head, "{name}: {value}\r\n").unwrap();
            }
            write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap();
            let _ = stream.write_all(head.as_bytes());
            if asked.method != "HEAD" {
                let _ = stream.write_all(&body);
            }
        }
    }
}
