//! Tracing of calls: the W3C trace context that goes from a request through its task to the calls of providers, and
//! spans for whoever collects them over OTLP.
//!
//! ```text
//!   caller ── traceparent ─► request (api) ── row and message ─► run (worker) ── traceparent ─► provider
//!                              span                                span   └ effect: a span each
//! ```
//! **A call that nobody traces costs nothing**: without a `traceparent` in the request, a decision of X-Ray to sample
//! it, or a collector that is configured, there is no context, and providers are told none.
//!
//! Ids of spans are derived from the task, the attempt and the place of the effect, so that a run needs no randomness.

mod export;
mod span;

use sha2::{Digest, Sha256};

pub(crate) use export::Exporter;
pub use export::ExporterConfig;
pub use span::RequestTrace;
pub(crate) use span::{Kind, OpenSpan, Traced};

/// A trace, and the span in it that comes before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace: [u8; 16],
    parent: [u8; 8],
    sampled: bool,
}

impl TraceContext {
    /// Reads a header `traceparent`: `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`; later versions may be longer.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let [version] = bytes::<1>(version)?;
        let [flags] = bytes::<1>(flags)?;
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        Self { trace: bytes(trace)?, parent: bytes(parent)?, sampled: flags & 1 == 1 }.if_valid()
    }

    /// Reads X-Ray's header `Root=1-<8>-<24>;Parent=<16>;Sampled=1`; `None` also for what is not sampled.
    pub fn of_x_ray(header: &str) -> Option<Self> {
        let member =
            |name| header.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        let (time, rest) = member("Root")?.strip_prefix("1-")?.split_once('-')?;
        let trace = bytes(&format!("{time}{rest}"))?;
        let sampled = member("Sampled")? == "1";
        Self { trace, parent: bytes(member("Parent")?)?, sampled }
            .if_valid()
            .filter(|context| context.sampled)
    }

    /// A trace that begins here.
    pub(crate) fn begins(trace: [u8; 16]) -> Self {
        Self { trace, parent: [0; 8], sampled: true }
    }

    /// The header for what comes below this span.
    pub(crate) fn header(&self, span: [u8; 8]) -> String {
        format!("00-{}-{}-{:02x}", hex(&self.trace), hex(&span), u8::from(self.sampled))
    }

    fn if_valid(self) -> Option<Self> {
        (self.trace != [0; 16] && self.parent != [0; 8]).then_some(self)
    }
}

/// The id of a span at this place below another.
fn span_id(above: &[u8], place: &str) -> [u8; 8] {
    let digest = Sha256::new().chain_update(above).chain_update(place).finalize();
    let mut id = [0; 8];
    id.copy_from_slice(&digest[..8]);
    id
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Exactly so many bytes in lower-case hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 2 * N || !text.bytes().all(is_digit) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_context_is_read_as_the_recommendation_says() {
        let context = TraceContext::parse(HEADER).unwrap();
        assert_eq!(context.header(context.parent), HEADER);
        assert!(!TraceContext::parse(&HEADER.replace("-01", "-00")).unwrap().sampled);
        // A later version may bring more.
        assert!(TraceContext::parse(&format!("{}-more", HEADER.replacen("00", "01", 1))).is_some());
        for wrong in [
            "",
            "00",
            &HEADER.replacen("00", "ff", 1),
            &format!("{HEADER}-more"),
            &HEADER.to_uppercase(),
            &HEADER.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &HEADER.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &HEADER[1..],
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_x_ray_samples_is_the_same_trace() {
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:0";
        let context = TraceContext::of_x_ray(header).unwrap();
        assert_eq!(context.header(context.parent), "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01");
        for not in [&header.replace("Sampled=1", "Sampled=0"), "Root=1-5759e988-bd862e3fe1be46a994272793", ""]
        {
            assert_eq!(TraceContext::of_x_ray(not), None, "{not}");
        }
    }
}
