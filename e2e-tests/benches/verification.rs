//! One whole verification over gRPC: a 1600×1200 picture of a passport and a selfie, all four services in one process.

use std::num::NonZeroUsize;
use std::sync::LazyLock;

use cli::client::{Client, Submission};
use cli::deployment::{Deployment, Options};
use cli::specimen::Format;
use divan::{Bencher, black_box};
use e2e_tests::pictures::{Pictures, on_table};
use service_kit::config::{ComputeConfig, ComputeMode};
use tokio::runtime::Runtime;
use vision::models::Sample;

static PICTURES: LazyLock<Option<Pictures>> = LazyLock::new(Pictures::open);

fn main() {
    divan::main();
}

/// Each request to the two services that compute has one of their `threads`.
#[divan::bench(args = [1, 2], sample_count = 10, sample_size = 1)]
fn verification(bencher: Bencher<'_, '_>, threads: usize) {
    verify(bencher, threads, ComputeMode::Throughput);
}

/// Each request to the two services that compute has all of their `threads`.
#[divan::bench(args = [2], sample_count = 10, sample_size = 1)]
fn verification_low_latency(bencher: Bencher<'_, '_>, threads: usize) {
    verify(bencher, threads, ComputeMode::Latency);
}

fn verify(bencher: Bencher<'_, '_>, threads: usize, compute_mode: ComputeMode) {
    let Some(pictures) = &*PICTURES else { return };
    let submission = submission(pictures).expect("pictures to submit");
    let runtime = Runtime::new().expect("a runtime");
    let _inside = runtime.enter();
    let data = tempfile::tempdir().expect("a folder");
    let mut options = Options {
        models: Some(pictures.store().root().to_owned()),
        compute: ComputeConfig {
            workers: NonZeroUsize::new(threads),
            compute_mode,
            ..ComputeConfig::default()
        },
        ..Options::in_folder(data.path())
    };
    options.documents.allow_specimens = true;
    let deployment = runtime
        .block_on(Deployment::start(options))
        .expect("all services start");
    let key = &deployment.keys().restricted_api_key;
    let client = Client::new(deployment.address(), key).expect("an address and a key");
    bencher.with_inputs(|| submission.clone()).bench_values(|submission| {
        let outcome = runtime.block_on(client.verify(submission)).expect("served");
        assert!(outcome.verified());
        black_box(outcome)
    });
    runtime.block_on(deployment.shutdown()).expect("ends in order");
}

fn submission(pictures: &Pictures) -> anyhow::Result<Submission> {
    let page = pictures.draw(&pictures.specimen(Format::Td3)?)?.front;
    Ok(Submission {
        document: on_table(&page.resize_longest(1400), 1600, 1200).encode_jpeg(90)?,
        selfie: Some(pictures.sample(Sample::Obama2)?),
        ..Submission::default()
    })
}
