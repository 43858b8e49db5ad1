//! All pictures or documents of an evaluation, each worked on by one worker of the services' compute pool.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use proto::identity::v1::VerificationError;
use service_kit::compute::{Caller, Pool};
use service_kit::config::ComputeConfig;

use crate::progress::bar;

/// Runs `work` over the items on all cores and answers the results in the same order. An item whose work fails, or panics, has the
/// reason in its place.
pub(super) async fn each<I, T, F>(items: impl IntoIterator<Item = I>, work: F) -> anyhow::Result<Vec<Result<T, String>>>
where
    I: Send + 'static,
    T: Send + 'static,
    F: Fn(&I, &Caller) -> Result<T, String> + Send + Sync + 'static,
{
    let compute = ComputeConfig::default();
    // As many wait as work, so that no worker is ever idle; space for all of them, so that none is ever refused.
    let in_flight = 2 * compute.workers().get();
    let queue = Some(in_flight);
    let pool = Pool::start("evaluate", &ComputeConfig { queue, ..compute })?;
    let work = Arc::new(work);
    let items: Vec<I> = items.into_iter().collect();
    let bar = bar(items.len());
    let results = futures_util::stream::iter(items)
        .map(|item| {
            let (work, pool) = (Arc::clone(&work), pool.clone());
            async move {
                let result = pool.run(move |caller| work(&item, caller)).await;
                result.unwrap_or_else(|error| Err(error.to_string()))
            }
        })
        .buffered(in_flight)
        .inspect(|_| bar.inc(1))
        .collect()
        .await;
    bar.finish_and_clear();
    Ok(results)
}

/// What `work` makes of each item of a truth, or `failed` where it has no result, in the same order.
pub(super) async fn rows<I, T, F>(
    truths: Vec<Arc<I>>,
    work: F,
    failed: impl Fn(Arc<I>, String) -> T,
) -> anyhow::Result<Vec<T>>
where
    I: Send + Sync + 'static,
    T: Send + 'static,
    F: Fn(&Arc<I>, &Caller) -> T + Send + Sync + 'static,
{
    let work = move |truth: &Arc<I>, caller: &Caller| Ok(work(truth, caller));
    let rows = each(truths.clone(), work).await?.into_iter().zip(truths);
    Ok(rows
        .map(|(row, truth)| row.unwrap_or_else(|failure| failed(truth, failure)))
        .collect())
}

/// A file that a truth names.
pub(super) fn read(images: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    let path = images.join(name);
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// Code, as the contract's names have it, and reason of what was not verified.
pub(super) fn refusal(error: VerificationError) -> (String, String) {
    let code = error.code().as_str_name().to_lowercase();
    let code = code.trim_start_matches("verification_error_code_").to_owned();
    (code, error.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_item_has_its_result_in_order() {
        let work = |number: &usize, _: &Caller| match number {
            7 => panic!("as planned"),
            8 => Err("damaged".to_owned()),
            number => Ok(number * 2),
        };
        let results = each(0..500, work).await.expect("threads");
        assert_eq!(results.len(), 500);
        for (number, result) in results.into_iter().enumerate() {
            match number {
                7 => assert_eq!(result, Err("the computation failed".to_owned())),
                8 => assert_eq!(result, Err("damaged".to_owned())),
                number => assert_eq!(result, Ok(number * 2)),
            }
        }
    }
}
