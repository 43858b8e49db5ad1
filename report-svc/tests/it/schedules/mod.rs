//! A small model checker: random schedules of everything that happens to jobs, step by step, over both storages.
//!
//! A schedule has a few sessions and some operations under way at any time; which of them takes the next step at the storage, what is
//! asked anew or once more, who dies halfway and how much time passes is drawn from a seed. After every step,
//!
//! * a session in `processing` has exactly one job, in the queue or set aside, of its last attempt; every other session has none;
//! * every finished attempt has one report;
//! * the lists of sessions, of reports and of the sessions that expire have what a look at every session says;
//! * what an update was told is set stays set, whatever else changes the session, until it is redacted;
//! * a redacted session has nothing that is personal, nor a job, and stays redacted; a session is abandoned once for each wait;
//! * a lease ends by its holder's own doing, or by another lease after its time has passed; no two are alike, and no request has two.
//!
//! In the end everything that is left is done by workers that never fail, and no session may be left in `processing`.
//!
//! `BONAFIDE_SCHEDULES` sets how many schedules are run, `BONAFIDE_SCHEDULE_SEED` the first one's seed.

mod gate;
mod operation;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::seq::{IndexedRandom as _, IteratorRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use report_svc::storage::Storage;
use report_svc::storage::embedded::Embedded;
use report_svc::storage::redis::Redis;

use self::operation::Operation;
use self::world::{GatedStorage, HAPPENINGS, Keys, LEASE, Violation, World};
use crate::clock::Hand;
use crate::hooked::Sent;
use crate::redis_server::RedisServer;

/// Choices of one schedule.
const CHOICES: usize = 80;

/// Operations under way at once.
const AT_ONCE: usize = 4;

#[tokio::test]
async fn no_schedule_breaks_the_embedded_storage() {
    run(200, async |hand| {
        let storage = Arc::new(Embedded::in_memory(hand.clock()).expect("opens"));
        let shared: Arc<dyn Storage> = storage.clone();
        let gated: GatedStorage = Box::new(move |_| Arc::clone(&shared));
        (storage, gated)
    })
    .await;
}

#[tokio::test]
async fn no_schedule_breaks_redis() {
    // What is lost with the server is of no use to anybody.
    let Some(server) = RedisServer::start_with(&["--appendonly", "no"]).await else {
        return;
    };
    run(60, async |hand| {
        server.command(&["FLUSHALL"]).await;
        let connected = Redis::connect(&server.address).await.expect("connects");
        let storage = connected.with_clock(hand.clock());
        let shared = storage.clone();
        let gated: GatedStorage = Box::new(move |gate| Arc::new(shared.hooked(gate.of_commands())));
        (Arc::new(storage), gated)
    })
    .await;
}

/// Runs so many schedules unless told otherwise, each on a storage that is `empty`.
async fn run<S: Storage>(schedules: u64, empty: impl AsyncFn(&Hand) -> (Arc<S>, GatedStorage)) {
    let first = number("BONAFIDE_SCHEDULE_SEED").unwrap_or(0);
    let schedules = number("BONAFIDE_SCHEDULES").unwrap_or(schedules);
    let keys = Keys::new();
    let mut happened: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in first..first + schedules {
        let hand = Hand::new();
        let (storage, gated) = empty(&hand).await;
        let mut world = World::new(seed, storage, gated, hand, &keys).await;
        if let Err(violation) = schedule(seed, &mut world).await {
            let steps = world.steps.join("\n");
            panic!(
                "schedule {seed}, number {} of this run:\n{steps}\n{violation}",
                seed - first + 1
            );
        }
        for (happening, times) in world.happened {
            *happened.entry(happening).or_default() += times;
        }
    }
    println!("{schedules} schedules from seed {first}: {happened:?}");
    let all_happened = HAPPENINGS.iter().all(|happening| happened.contains_key(happening));
    assert!(all_happened || schedules < 60, "only this happened: {happened:?}");
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}

async fn schedule(seed: u64, world: &mut World<'_>) -> Result<(), Violation> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut asked: Vec<Operation> = Vec::new();
    for _ in 0..CHOICES {
        match random.random_range(0..100) {
            0..3 => world.advance(LEASE / 2),
            3..5 => world.advance(LEASE),
            5..7 if world.running() > 0 => world.kill(random.random_range(0..world.running())),
            7..40 if world.running() < AT_ONCE => {
                let again = match random.random_range(0..100) {
                    // A connection broke, and the first call still goes on.
                    0..15 => world.under_way().choose(&mut random).cloned(),
                    15..25 => asked.choose(&mut random).cloned(),
                    _ => None,
                };
                let operation = again.unwrap_or_else(|| anything(&mut random, world, asked.len()));
                world.ask(operation.clone());
                asked.push(operation);
            }
            _ if world.running() > 0 => {
                let sent = if random.random_bool(0.1) {
                    Sent::Twice
                } else {
                    Sent::Once
                };
                world.step(random.random_range(0..world.running()), sent).await?;
            }
            _ => {}
        }
    }
    world.drain().await
}

/// An operation that nobody asked for yet. Leases of long ago are used as well as the last ones.
fn anything(random: &mut ChaCha8Rng, world: &World<'_>, request: usize) -> Operation {
    let (session, attempts) = world.sessions().choose(random).expect("there are some");
    let session = session.clone();
    let attempt = attempts.saturating_sub(u32::from(random.random_bool(0.1)));
    let lease = match world.leases.len() {
        0 => None,
        count => {
            let back = if random.random_bool(0.7) { 2 } else { count };
            let oldest = count.saturating_sub(back);
            Some(world.leases[random.random_range(oldest..count)].clone())
        }
    };
    match (random.random_range(0..100), lease) {
        (0..20, _) => Operation::Submit { session },
        (20..30, Some(lease)) => Operation::Extend(lease),
        (30..45, Some(lease)) => Operation::Release {
            lease,
            delay: if random.random_bool(0.8) { Duration::ZERO } else { LEASE },
            excused: random.random_bool(0.5),
        },
        (45..65, Some(lease)) => Operation::Complete {
            lease,
            passes: random.random_bool(0.1),
        },
        (65..68, _) => Operation::Requeue { session, attempt },
        (68..72, _) => Operation::Fail { session, attempt },
        (72..74, _) => Operation::RequeueReadable,
        (74..80, _) => Operation::Update { session, request },
        (80..82, _) => Operation::Redact { session },
        (82..85, _) => Operation::Expire {
            session,
            late: random.random_bool(0.5),
        },
        _ => Operation::Lease {
            request,
            without_key: random.random_bool(0.15),
        },
    }
}
