//! All pictures or documents of an evaluation, each worked on by one worker of the services' compute pool.

use std::sync::Arc;

use futures_util::StreamExt as _;
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
