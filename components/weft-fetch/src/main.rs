use anyhow::Context;
use clap::Parser;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use weft_fetch::{Client, Rules, System, Times, certificates};
use weft_manifest::Host;

/// The network broker of one app session.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// An inherited Unix stream socket: the session's runtime.
    #[arg(long, value_name = "N")]
    fd: i32,
    /// Every public host, as the capability net:fetch grants.
    #[arg(long)]
    allow_any: bool,
    /// A host, as the capability net:fetch:<host> grants; an address also where it is not public.
    #[arg(long, value_name = "HOST", value_parser = host)]
    allow: Vec<Host>,
    /// The root certificates for https, in PEM.
    #[arg(long, value_name = "FILE", default_value = certificates::BUNDLE)]
    ca_bundle: PathBuf,
}

fn host(text: &str) -> Result<Host, String> {
    text.parse().map_err(|()| {
        "write a lower-case DNS name, an IPv4 address or an IPv6 address in brackets".to_owned()
    })
}

fn main() -> ExitCode {
    weft_service::init_logging();
    weft_service::exit_code(run(Args::parse()))
}

fn run(args: Args) -> anyhow::Result<()> {
    let fd = weft_service::inherited_fd(args.fd)
        .with_context(|| format!("--fd {}: no such descriptor was passed", args.fd))?;
    let certificates = certificates::load(&args.ca_bundle);
    if let Err(error) = &certificates {
        tracing::warn!("{error}");
    }
    let rules = Rules::new(args.allow_any, &args.allow);
    let client = Client::new(rules, Times::default(), Arc::new(System), certificates);
    Ok(weft_fetch::serve(UnixStream::from(fd), client)?)
}
