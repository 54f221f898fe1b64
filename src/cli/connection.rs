//! Where the server is: `--url`, else `DATABASE_URL`, else a `.env`, in the form Prisma takes.
//!
//! Invariant: no text that leaves this module has any part of a password in it.
//! A password with unescaped `@`, `/`, `?`, `#` or `:` shifts the parts of a URL, so a piece of it may sit where a
//! host, a database or a parameter should be; such URLs are refused without quoting them.

use std::path::PathBuf;

use mysql_async::{Opts, OptsBuilder, SslOpts};
use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::cli::env_files;
use crate::error::{Failure, Stop};

/// What the process sees around it, passed in so that tests need not change it.
pub struct Surroundings<'a> {
    /// Reads an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The directory in which the command runs.
    pub directory: PathBuf,
    /// The Prisma schema that was named, beside which there may be a `.env`.
    pub schema: Option<PathBuf>,
}

/// The server to connect to.
pub fn server(flag: Option<&str>, surroundings: &Surroundings) -> Result<Opts, Failure> {
    let (url, origin) = match flag {
        Some(url) => (url.to_owned(), "--url".to_owned()),
        None => from_surroundings(surroundings)?,
    };
    opts(&url, &origin)
}

fn from_surroundings(surroundings: &Surroundings) -> Result<(String, String), Failure> {
    const KEY: &str = "DATABASE_URL";
    if let Some(url) = (surroundings.variable)(KEY).filter(|url| !url.is_empty()) {
        return Ok((url, KEY.to_owned()));
    }
    let Surroundings { variable, directory, schema } = surroundings;
    match env_files::lookup(KEY, directory, schema.as_deref(), variable)? {
        Some((url, file)) => Ok((url, format!("{KEY} in {file}"))),
        None => Err(Failure::new(Stop::Usage, "no database URL")
            .next(format!("set DATABASE_URL, in the environment or in .env, or pass `--url {EXAMPLE}`"))),
    }
}

const EXAMPLE: &str = "mysql://user:password@host:3306/database";

/// Reads a URL; `origin` names where it was found.
pub fn opts(url: &str, origin: &str) -> Result<Opts, Failure> {
    read(url.trim()).map_err(|why| {
        Failure::new(Stop::Usage, format!("{origin} is not a usable database URL: {why}"))
            .next(format!("write it as `{EXAMPLE}`"))
    })
}

const ENCODE: &str = "it does not split into user, password, host and database; encode special characters of the password, \
     `@` as %40, `:` as %3A, `/` as %2F, `?` as %3F, `#` as %23, `%` as %25";

fn read(text: &str) -> Result<Opts, String> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err("it does not begin with mysql://".to_owned());
    };
    if !matches!(scheme, "mysql" | "mariadb") {
        // A scheme holds no password, but what precedes a stray `://` may.
        let plain = scheme.len() <= 20 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+');
        return Err(if plain && !rest.is_empty() {
            format!("its scheme is {scheme}, not mysql or mariadb")
        } else {
            "it does not begin with mysql://".to_owned()
        });
    }
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    if rest[authority_end..].contains(['@', '#']) || rest[..authority_end].matches('@').count() > 1 {
        return Err(ENCODE.to_owned());
    }
    let url = Url::parse(text).map_err(|_| ENCODE.to_owned())?;
    let host = match url.host() {
        Some(Host::Domain(host)) if !host.is_empty() => host.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        _ => return Err("it names no host".to_owned()),
    };
    let path = url.path().trim_start_matches('/').trim_end_matches('/');
    if path.contains('/') {
        return Err(ENCODE.to_owned());
    }
    let database = decoded(path)?;
    let user = decoded(url.username())?;
    let password = url.password().map(decoded).transpose()?;

    let mut builder = OptsBuilder::default()
        .ip_or_hostname(host)
        .tcp_port(url.port().unwrap_or(3306))
        .user((!user.is_empty()).then_some(user))
        .pass(password)
        .db_name((!database.is_empty()).then_some(database));
    let mut tls = Tls::default();
    for (key, value) in url.query_pairs() {
        builder = parameter(builder, &mut tls, &key, &value)?;
    }
    Ok(builder.ssl_opts(tls.opts()).into())
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(|text| text.into_owned()).map_err(|_| "a %-encoded part is not UTF-8".to_owned())
}

/// What the URL says about encryption.
#[derive(Debug, Default)]
struct Tls {
    /// Whether the connection is encrypted; `None` when nothing asks for it.
    wanted: Option<bool>,
    certificates: Certificates,
    root: Option<PathBuf>,
}

/// How the server's certificate is checked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Certificates {
    #[default]
    Strict,
    AnyHost,
    Unchecked,
}

impl Tls {
    fn opts(self) -> Option<SslOpts> {
        if !self.wanted.unwrap_or(self.root.is_some()) {
            return None;
        }
        let root = self.root.into_iter().map(Into::into).collect();
        Some(
            SslOpts::default()
                .with_root_certs(root)
                .with_danger_skip_domain_validation(self.certificates == Certificates::AnyHost)
                .with_danger_accept_invalid_certs(self.certificates == Certificates::Unchecked),
        )
    }

    fn check(&mut self, certificates: Certificates) {
        self.wanted = Some(true);
        self.certificates = certificates;
    }
}

/// Parameters of Prisma and of its drivers that concern their own pools and clients. They change nothing here.
const WITHOUT_EFFECT: &[&str] = &[
    "acquireTimeout",
    "allowPublicKeyRetrieval",
    "connect_timeout",
    "connectTimeout",
    "connection_limit",
    "connectionLimit",
    "idleTimeout",
    "max_connection_lifetime",
    "max_idle_connection_lifetime",
    "pgbouncer",
    "pool_timeout",
    "schema",
    "single_use_connections",
    "socket_timeout",
    "sslidentity",
    "sslpassword",
    "statement_cache_size",
];

fn parameter(builder: OptsBuilder, tls: &mut Tls, key: &str, value: &str) -> Result<OptsBuilder, String> {
    match key {
        "socket" => return Ok(builder.socket(Some(value))),
        "prefer_socket" => return Ok(builder.prefer_socket(switch(key, value)?)),
        "sslcert" => tls.root = Some(PathBuf::from(value)),
        "sslaccept" => match value {
            "strict" => tls.check(Certificates::Strict),
            "accept_invalid_certs" => tls.check(Certificates::Unchecked),
            _ => return Err(choices(key, "strict or accept_invalid_certs")),
        },
        "ssl" | "require_ssl" => tls.wanted = Some(switch(key, value)?),
        "sslmode" | "ssl-mode" => match value.to_ascii_lowercase().replace('_', "-").as_str() {
            "disable" | "disabled" => tls.wanted = Some(false),
            // The driver cannot try with and then without: what asks for no guarantee gets the plain connection.
            "allow" | "prefer" | "preferred" => {}
            "require" | "required" => tls.check(Certificates::Unchecked),
            "verify-ca" => tls.check(Certificates::AnyHost),
            "verify-full" | "verify-identity" => tls.check(Certificates::Strict),
            _ => return Err(choices(key, "disabled, preferred, required, verify_ca or verify_identity")),
        },
        _ if WITHOUT_EFFECT.contains(&key) => {}
        _ => {
            let plain = key.len() <= 40 && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
            return Err(if plain { format!("unknown parameter `{key}`") } else { ENCODE.to_owned() });
        }
    }
    Ok(builder)
}

fn switch(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(choices(key, "true or false")),
    }
}

fn choices(key: &str, values: &str) -> String {
    format!("parameter `{key}` must be {values}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_prisma_url_is_understood() {
        let url = "mariadb://me:p%40ss%2Fw%25@db.example:3307/shop?connection_limit=5&pool_timeout=2&sslaccept=strict&socket=/run/my.sock";
        let opts = read(url).unwrap();
        assert_eq!(opts.ip_or_hostname(), "db.example");
        assert_eq!(opts.tcp_port(), 3307);
        assert_eq!(opts.user(), Some("me"));
        assert_eq!(opts.pass(), Some("p@ss/w%"));
        assert_eq!(opts.db_name(), Some("shop"));
        assert_eq!(opts.socket(), Some("/run/my.sock"));
        assert!(!opts.ssl_opts().unwrap().accept_invalid_certs());
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let opts = read("mysql://root@[::1]").unwrap();
        assert_eq!((opts.ip_or_hostname(), opts.tcp_port()), ("::1", 3306));
        assert_eq!((opts.pass(), opts.db_name()), (None, None));
        assert!(opts.ssl_opts().is_none());
        assert_eq!(read("mysql://root:@h/shop/").unwrap().db_name(), Some("shop"));
    }

    #[test]
    fn encryption_follows_the_parameters() {
        let tls = |query: &str| {
            let opts = read(&format!("mysql://root@h/d?{query}")).unwrap();
            opts.ssl_opts().map(|ssl| (ssl.accept_invalid_certs(), ssl.skip_domain_validation()))
        };
        assert_eq!(tls("sslaccept=accept_invalid_certs"), Some((true, false)));
        assert_eq!(tls("sslmode=REQUIRED"), Some((true, false)));
        assert_eq!(tls("ssl-mode=VERIFY_CA"), Some((false, true)));
        assert_eq!(tls("sslmode=verify-full"), Some((false, false)));
        assert_eq!(tls("ssl=true"), Some((false, false)));
        assert_eq!(tls("ssl=true&sslmode=disable"), None);
        assert_eq!(tls("sslmode=prefer"), None);
        assert_eq!(tls("sslcert=ca.pem"), Some((false, false)));
    }

    #[test]
    fn an_unknown_parameter_is_named() {
        let failure = opts("mysql://root@h/d?conection_limit=5", "--url").unwrap_err();
        assert_eq!(failure.stop, Stop::Usage);
        assert!(failure.what.contains("unknown parameter `conection_limit`"), "{failure}");
        assert!(read("postgresql://root@h/d").unwrap_err().contains("postgresql"));
    }

    #[test]
    fn the_first_origin_with_a_url_wins() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(".env"), "DATABASE_URL=\"mysql://root@file/shop\"\n").unwrap();
        let host = |flag: Option<&str>, variable: Option<&'static str>| {
            let variable = move |key: &str| variable.filter(|_| key == "DATABASE_URL").map(str::to_owned);
            let around = Surroundings { variable: &variable, directory: directory.path().to_owned(), schema: None };
            server(flag, &around).unwrap().ip_or_hostname().to_owned()
        };
        assert_eq!(host(Some("mysql://root@flag"), Some("mysql://root@variable")), "flag");
        assert_eq!(host(None, Some("mysql://root@variable")), "variable");
        assert_eq!(host(None, Some("")), "file");
        assert_eq!(host(None, None), "file");

        let empty = tempfile::tempdir().unwrap();
        let around = Surroundings { variable: &|_| None, directory: empty.path().to_owned(), schema: None };
        assert_eq!(server(None, &around).unwrap_err().what, "no database URL");
    }

    proptest! {
        /// A password that was pasted without encoding is either taken whole or refused in silence about it.
        #[test]
        fn no_message_has_the_password(
            head in "[@:/?#%&=.-]{0,2}",
            middle in "[@:/?#%&=]{0,2}",
            tail in "[@:/?#%&=]{0,2}",
            scheme in "mysql|postgres|mysql:",
        ) {
            let url = format!("{scheme}://root:{head}s3cr3t{middle}w0rd{tail}@host/shop?conection_limit=5");
            let failure = opts(&url, "--url").unwrap_err();
            let all = format!("{failure:?}");
            prop_assert!(!all.contains("s3cr3t") && !all.contains("w0rd"), "{}", all);
        }
    }
}
