use std::net::IpAddr;

use futures::FutureExt;

use super::*;

const READ: &str = "SELECT 1";

/// A client for which every name has these addresses.
fn sql(addresses: &'static [&'static str], config: SqlConfig) -> Sql {
    let lookup: Lookup = Arc::new(move |_| {
        let addresses = addresses.iter().map(|address| address.parse::<IpAddr>().unwrap()).collect();
        async move { Ok(addresses) }.boxed()
    });
    Sql::with_lookup(config, lookup)
}

async fn refusal(sql: &Sql, url: &str) -> SqlError {
    let database = Database::parse(url).unwrap();
    sql.run(&database, &Statement::read(READ, vec![])).await.unwrap_err()
}

#[tokio::test]
async fn private_addresses_are_refused_by_number_and_by_name() {
    let cases: &[(&str, &'static [&'static str])] = &[
        ("postgresql://u:p@127.0.0.1:5432/d", &[]),
        ("postgresql://u:p@localhost/d", &["127.0.0.1"]),
        ("mysql+pymysql://u:p@10.0.0.1/d", &[]),
        ("mysql://u:p@0x7f000001/d", &[]),
        ("postgresql://u:p@[::1]/d", &[]),
        ("postgresql://u:p@169.254.169.254/d", &[]),
        ("mysql://u:p@2130706433/d", &[]),
        ("mysql://u:p@0300.0250.1.1/d", &[]),
        ("postgresql://u:p@127.1./d", &[]),
        ("postgresql://u:p@[::ffff:10.0.0.1]/d", &[]),
        ("postgresql://u:p@[::10.0.0.1]/d", &[]),
        ("postgresql://u:p@LOCALHOST./d", &["93.184.216.34"]),
        ("postgresql://u:p@db.example,other.example/d", &["10.0.0.1"]),
        ("mysql://u:p@db.example/d", &["::ffff:127.0.0.1"]),
        ("postgresql://u:p@db.example/d", &["192.168.0.4"]),
        ("postgresql://u:p@db.example/d", &["93.184.216.34", "10.0.0.1"]),
        ("postgresql://u:p@db.internal/d", &["93.184.216.34"]),
    ];
    for (url, addresses) in cases {
        let error = refusal(&sql(addresses, SqlConfig::default()), url).await;
        assert!(matches!(error, SqlError::Blocked { .. }), "{url}: {error:?}");
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn an_allowed_host_is_connected_to() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let allow = vec![format!("db.example:{port}").parse().unwrap()];
    let config = OutboundConfig { allow, ..OutboundConfig::default() };
    let sql = sql(&["127.0.0.1"], SqlConfig::from(&config));
    let server = async {
        // A server that hangs up: what matters is that the connection came.
        let (stream, _) = listener.accept().await.unwrap();
        drop(stream);
    };
    let url = format!("postgresql://u:p@db.example:{port}/d");
    let (error, ()) = tokio::join!(refusal(&sql, &url), server);
    assert_eq!(error, SqlError::Unreachable { host: "db.example".to_owned() });
    let other = refusal(&sql, "postgresql://u:p@db.example:1/d").await;
    assert!(matches!(other, SqlError::Blocked { .. }), "{other:?}");
}

/// A resolver whose second answer is another: the connection goes to the address that was checked.
#[tokio::test]
async fn a_name_is_looked_up_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup: Lookup = Arc::new(move |_| {
        let turn = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let address: IpAddr = if turn == 0 { "127.0.0.1" } else { "10.0.0.1" }.parse().unwrap();
        async move { Ok(vec![address]) }.boxed()
    });
    let sql = Sql::with_lookup(SqlConfig { allow_loopback: true, ..SqlConfig::default() }, lookup);
    let url = format!("postgresql://u:p@localhost:{port}/d");
    let (error, accepted) = tokio::join!(refusal(&sql, &url), async { listener.accept().await.map(drop) });
    assert!(accepted.is_ok() && error == SqlError::Unreachable { host: "localhost".to_owned() }, "{error:?}");
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 1);
    let second = refusal(&sql, &url).await;
    assert!(matches!(second, SqlError::Blocked { .. }), "{second:?}");
}

#[test]
fn urls_that_lead_past_the_guard_are_refused() {
    let cases = [
        "postgresql:///d?host=/var/run/postgresql",
        "postgresql://u@/d",
        "postgresql://u:p@db.example/d?host=127.0.0.1",
        "postgresql://u:p@db.example/d?hostaddr=127.0.0.1",
        "postgresql://u:p@db.example/d?sslrootcert=/etc/passwd",
        "postgresql://u:p@db.example/d?sslkey=/etc/passwd",
        "postgresql://u:p@db.example/d?sslmode=maybe",
        "postgresql://u:p@db.example/d?options=search_path",
        "postgresql://%2Fvar%2Frun/d",
        "postgresql://u:p@db.example/d?HOST=/tmp",
        "postgresql://u:p@db.example/d?sslmode=disable&host=10.0.0.1",
        "postgresql://u:p@db.example/d?port=1",
        "postgresql://u:p@db.example/d?service=x",
        "postgresql://u:p@db.example/d?passfile=/etc/passwd",
        "postgresql://u:p@db.example/d?target_session_attrs=any",
        "postgresql://u:p@[fe80::1%25eth0]/d",
        "mysql://u:p@db.example/d?socket=/tmp/mysql.sock",
        "mysql://u:p@db.example/d?unix_socket=/tmp/mysql.sock",
        "mysql://u:p@db.example/d?ssl-ca=/etc/passwd",
        "mysql://u:p@db.example/d?local_infile=1",
        "postgresql://db.example/d",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory",
        "sqlite:///a.db?vfs=x",
        "oracle://u:p@db.example/d",
        "db.example",
    ];
    for url in cases {
        assert!(matches!(Database::parse(url), Err(SqlError::InvalidUrl { .. })), "{url}");
    }
}

#[test]
fn urls_are_read_as_sqlalchemy_writes_them() {
    let cases = [
        ("postgresql+psycopg2://u:p%40ss@db.example/sales", "postgresql://u@db.example:5432/sales"),
        ("postgres://u@db.example:443/d?sslmode=verify-full", "postgresql://u@db.example:443/d"),
        (
            "postgresql://u:p@db.example/d?options=-csearch_path%3Dx%20-c%20a%3Db",
            "postgresql://u@db.example:5432/d",
        ),
        ("mysql+pymysql://u:p@db.example/d?charset=utf8mb4", "mysql://u@db.example:3306/d"),
        ("mariadb+mariadbconnector://u:p@[2001:db8::1]:3307/", "mysql://u@2001:db8::1:3307/"),
        ("sqlite:///data/a.db", "sqlite:///data/a.db"),
        ("sqlite:////data/a.db", "sqlite:////data/a.db"),
    ];
    for (url, shown) in cases {
        let database = Database::parse(url).unwrap();
        assert_eq!(database.to_string(), shown);
        assert!(!format!("{database:?}").contains("p@ss"));
    }
    let Place::Server(server) = Database::parse(cases[0].0).unwrap().place else { panic!("a server") };
    assert_eq!((server.password.as_str(), server.database.as_deref()), ("p@ss", Some("sales")));
}
