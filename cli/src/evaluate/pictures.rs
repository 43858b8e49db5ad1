//! All pictures of an evaluation, each worked on by one worker of the services' compute pool.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt as _;
use service_kit::compute::Pool;
use service_kit::config::ComputeConfig;

use crate::progress::bar;

/// Runs `work` over the files `names` in `folder` on all cores and answers the results in the same order. A picture whose
/// work fails, or panics, has the reason in its place.
pub(super) async fn each<T, F>(
    folder: &Path,
    names: impl IntoIterator<Item = String>,
    work: F,
) -> anyhow::Result<Vec<(String, Result<T, String>)>>
where
    T: Send + 'static,
    F: Fn(PathBuf) -> Result<T, String> + Send + Sync + 'static,
{
    let compute = ComputeConfig::default();
    // As many wait as work, so that no worker is ever idle; room for all of them, so that none is ever refused.
    let in_flight = 2 * compute.workers().get();
    let queue = Some(in_flight);
    let pool = Pool::start("evaluate", &ComputeConfig { queue, ..compute })?;
    let work = Arc::new(work);
    let names: Vec<String> = names.into_iter().collect();
    let bar = bar(names.len());
    let results = futures_util::stream::iter(names)
        .map(|name| {
            let (path, work, pool) = (folder.join(&name), Arc::clone(&work), pool.clone());
            async move {
                let result = pool.run(move |_| work(path)).await;
                (name, result.unwrap_or_else(|error| Err(error.to_string())))
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
    async fn every_file_has_its_result_in_order() {
        let names: Vec<String> = (0..500).map(|number| number.to_string()).collect();
        let work = |path: PathBuf| match path.file_name().and_then(|name| name.to_str()) {
            Some("7") => panic!("as planned"),
            Some("8") => Err("damaged".to_owned()),
            name => Ok(name.map(str::to_owned)),
        };
        let results = each(Path::new("folder"), names.clone(), work).await.expect("threads");
        assert!(results.iter().map(|(name, _)| name).eq(&names));
        for (name, result) in results {
            match name.as_str() {
                "7" => assert_eq!(result, Err("the computation failed".to_owned())),
                "8" => assert_eq!(result, Err("damaged".to_owned())),
                _ => assert_eq!(result, Ok(Some(name))),
            }
        }
    }
}
