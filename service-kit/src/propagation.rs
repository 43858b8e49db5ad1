//! W3C trace context in HTTP headers and in plain maps.

use std::collections::HashMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceFlags};

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct HeadersMut<'a>(&'a mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (key.parse::<HeaderName>(), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

pub(crate) fn extract(headers: &HeaderMap) -> Context {
    opentelemetry::global::get_text_map_propagator(|propagator| propagator.extract(&Headers(headers)))
}

/// The same place in the same trace, but recorded whatever its caller said: nobody may keep what they do here out of the traces.
pub(crate) fn recorded(caller: &Context) -> Context {
    let span = caller.span().span_context().clone();
    if !span.is_valid() {
        return caller.clone();
    }
    caller.with_remote_span_context(SpanContext::new(
        span.trace_id(),
        span.span_id(),
        span.trace_flags() | TraceFlags::SAMPLED,
        true,
        span.trace_state().clone(),
    ))
}

pub(crate) fn inject(context: &Context, headers: &mut HeaderMap) {
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(context, &mut HeadersMut(headers));
    });
}

pub(crate) fn extract_map(map: &HashMap<String, String>) -> Context {
    opentelemetry::global::get_text_map_propagator(|propagator| propagator.extract(map))
}

pub(crate) fn inject_map(context: &Context) -> HashMap<String, String> {
    let mut map = HashMap::new();
    opentelemetry::global::get_text_map_propagator(|propagator| propagator.inject_context(context, &mut map));
    map
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceId};

    use super::*;

    #[test]
    fn a_caller_cannot_ask_not_to_be_recorded() {
        let asked = SpanContext::new(
            TraceId::from(7),
            SpanId::from(9),
            TraceFlags::NOT_SAMPLED,
            true,
            Default::default(),
        );
        let recorded = recorded(&Context::new().with_remote_span_context(asked));
        let span = recorded.span().span_context().clone();
        assert!(span.is_sampled());
        assert_eq!((span.trace_id(), span.span_id()), (TraceId::from(7), SpanId::from(9)));
        assert!(!super::recorded(&Context::new()).span().span_context().is_valid());
    }
}
