//! Listing an account's sessions and reports.

use std::ops::Range;

use futures_util::future::join_all;
use proto::identity::v1::{VerificationReport, VerificationType};

use super::{Session, Store};
use crate::error::Error;
use crate::id::Id;
use crate::lifecycle::Status;
use crate::reference::Reference;
use crate::storage::{ListQuery, Listed, Order, Scope};

/// Rounds in which a page is read: each goes on after what the one before had to leave out.
const ROUNDS: usize = 16;

/// Which sessions of an account.
#[derive(Clone)]
pub struct Filter {
    /// Whose.
    pub account: String,
    /// Only those with this reference.
    pub client_reference_id: Option<String>,
    /// Only those of this customer.
    pub related_customer: Option<String>,
    /// Only those of this customer's account.
    pub related_customer_account: Option<String>,
    /// Only those in this status.
    pub status: Option<Status>,
    /// Only those whose ids have time-ordered bits between these.
    pub created: Range<u128>,
}

/// Which reports of an account.
#[derive(Clone)]
pub struct ReportFilter {
    /// Whose.
    pub account: String,
    /// Only those of sessions with this reference.
    pub client_reference_id: Option<String>,
    /// Only those of this type.
    pub r#type: Option<VerificationType>,
    /// Only those of this session.
    pub session: Option<Id>,
    /// Only those whose ids have time-ordered bits between these.
    pub created: Range<u128>,
}

/// Where a page begins. Newer and older goes by what is listed, and the id is of such a thing.
#[derive(Clone, Debug)]
pub enum Cursor {
    /// At the newest.
    Newest,
    /// With what was created before this.
    StartingAfter(Id),
    /// With what was created after this: the page ends next to it.
    EndingBefore(Id),
}

/// A page of sessions or reports, newest first.
pub struct Page<T> {
    /// As many as were asked for, or all that there are; fewer where very many records in a row are damaged.
    pub items: Vec<T>,
    /// Whether there are more on the far side of the page.
    pub has_more: bool,
}

impl Filter {
    /// Whether a session is still what was asked for: it may have changed since the list was read.
    fn wants(&self, session: &Session) -> Result<bool, Error> {
        let status = session.state()?.status;
        let public = &session.public;
        let is_named = |wanted: &Option<String>, name: &Option<String>| wanted.is_none() || wanted == name;
        Ok(session.account == self.account
            && self.status.is_none_or(|wanted| wanted == status)
            && is_named(&self.client_reference_id, &public.client_reference_id)
            && is_named(&self.related_customer, &public.related_customer)
            && is_named(&self.related_customer_account, &public.related_customer_account))
    }
}

impl ReportFilter {
    fn wants(&self, report: &VerificationReport) -> bool {
        let reference = &report.client_reference_id;
        self.r#type.is_none_or(|wanted| wanted == report.r#type())
            && (self.client_reference_id.is_none() || self.client_reference_id == *reference)
    }
}

/// What was read, if it is what was asked for.
type Opened<T> = Result<Option<T>, Error>;

/// Reading what a list names.
trait Read: Sync {
    type Item: Send;

    /// What each id is of; none where it is not, or is no more, what the filter wants.
    fn read(&self, store: &Store, ids: &[Id]) -> impl Future<Output = Result<Vec<Opened<Self::Item>>, Error>> + Send;
}

impl Read for Filter {
    type Item = Session;

    async fn read(&self, store: &Store, ids: &[Id]) -> Result<Vec<Opened<Session>>, Error> {
        let found = store.storage.sessions(ids).await?;
        let open = |(id, found): (&Id, Option<_>)| {
            let session = store.open(id.clone(), &found.ok_or(Error::SessionNotFound)?)?;
            Ok(self.wants(&session)?.then_some(session))
        };
        Ok(ids.iter().zip(found).map(open).collect())
    }
}

impl Read for ReportFilter {
    type Item = VerificationReport;

    async fn read(&self, store: &Store, ids: &[Id]) -> Result<Vec<Opened<VerificationReport>>, Error> {
        let read = ids.iter().map(async |id| {
            let report = store.report(id.as_str(), &self.account).await?;
            Ok(self.wants(&report).then_some(report))
        });
        Ok(join_all(read).await)
    }
}

impl Store {
    /// An account's sessions, `limit` at the most. A cursor of another account is not found. A session whose record is damaged is left
    /// out; one that lacks only its master key fails the page, for it will be in the list again.
    pub async fn list(&self, filter: &Filter, cursor: &Cursor, limit: usize) -> Result<Page<Session>, Error> {
        if let Cursor::StartingAfter(session) | Cursor::EndingBefore(session) = cursor {
            is_there(self.session(session.as_str(), Some(&filter.account)).await)?;
        }
        let reference = Reference {
            client: filter.client_reference_id.as_deref(),
            customer: filter.related_customer.as_deref(),
            customer_account: filter.related_customer_account.as_deref(),
        };
        let scope = self.scope(&filter.account, reference);
        let query = query(Listed::Sessions(filter.status), scope, &filter.created, cursor, limit);
        self.page(filter, query, limit).await
    }

    /// An account's reports, as [`list`](Self::list) lists sessions.
    pub async fn list_reports(
        &self,
        filter: &ReportFilter,
        cursor: &Cursor,
        limit: usize,
    ) -> Result<Page<VerificationReport>, Error> {
        if let Cursor::StartingAfter(report) | Cursor::EndingBefore(report) = cursor {
            is_there(self.report(report.as_str(), &filter.account).await)?;
        }
        let reference = Reference {
            client: filter.client_reference_id.as_deref(),
            ..Reference::default()
        };
        let scope = self.scope(&filter.account, reference);
        let query = query(Listed::Reports(filter.r#type), scope, &filter.created, cursor, limit);
        let Some(session) = &filter.session else {
            return self.page(filter, query, limit).await;
        };
        // A session has a few, which its attempts name.
        let of_session = self.reports_of(session, &filter.account).await?;
        let mut ids: Vec<Id> = of_session
            .into_iter()
            .filter(|id| query.between.contains(&id.unique()))
            .collect();
        ids.sort_by_key(Id::unique);
        if query.order == Order::NewestFirst {
            ids.reverse();
        }
        let (mut items, mut damaged) = (Vec::new(), Vec::new());
        sort_out(&ids, filter.read(self, &ids).await?, &mut items, &mut damaged)?;
        note_left_out(&damaged);
        Ok(page_of(items, true, query.order, limit))
    }

    fn scope(&self, account: &str, reference: Reference<'_>) -> Scope {
        let tags = self.records.keyring().reference_tags(account, reference);
        if tags.is_empty() {
            return Scope::Account(account.to_owned());
        }
        Scope::References(tags)
    }

    /// Reads a page. What is damaged is left out.
    async fn page<F: Read>(&self, filter: &F, mut query: ListQuery, limit: usize) -> Result<Page<F::Item>, Error> {
        let (mut items, mut damaged, mut is_whole) = (Vec::new(), Vec::new(), false);
        for _ in 0..ROUNDS {
            let ids = self.storage.list(&query).await?;
            sort_out(&ids, filter.read(self, &ids).await?, &mut items, &mut damaged)?;
            is_whole = ids.len() < query.limit;
            if is_whole || items.len() > limit {
                break;
            }
            if let Some(last) = ids.last() {
                query.between = match query.order {
                    Order::NewestFirst => before(&query.between, last),
                    Order::OldestFirst => after(&query.between, last),
                };
            }
        }
        note_left_out(&damaged);
        // Without any there is nothing to go on after.
        if items.is_empty() && !is_whole {
            return Err(damaged.pop().map_or(Error::Contended, |(_, error)| error));
        }
        Ok(page_of(items, is_whole, query.order, limit))
    }
}

fn query(listed: Listed, scope: Scope, created: &Range<u128>, cursor: &Cursor, limit: usize) -> ListQuery {
    let (order, between) = match cursor {
        Cursor::Newest => (Order::NewestFirst, created.clone()),
        Cursor::StartingAfter(id) => (Order::NewestFirst, before(created, id)),
        Cursor::EndingBefore(id) => (Order::OldestFirst, after(created, id)),
    };
    ListQuery {
        scope,
        listed,
        between,
        order,
        // One more tells whether there are more.
        limit: limit + 1,
    }
}

/// Of what was read in an order, and whether it is all that there is.
fn page_of<T>(mut items: Vec<T>, is_whole: bool, order: Order, limit: usize) -> Page<T> {
    let has_more = items.len() > limit || !is_whole;
    items.truncate(limit);
    if order == Order::OldestFirst {
        items.reverse();
    }
    Page { items, has_more }
}

/// Whether a cursor can be gone by. Where it cannot be read its id still says where the page begins; whose it is cannot be known, and the
/// page shows nothing of it.
fn is_there<T>(cursor: Result<T, Error>) -> Result<(), Error> {
    match cursor {
        Err(error) if !error.is_unreadable() => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Puts what was read where it belongs. What nobody can ever read is left out of a list.
fn sort_out<T>(
    ids: &[Id],
    read: Vec<Opened<T>>,
    items: &mut Vec<T>,
    damaged: &mut Vec<(Id, Error)>,
) -> Result<(), Error> {
    for (id, read) in ids.iter().zip(read) {
        match read {
            Ok(wanted) => items.extend(wanted),
            Err(error) if error.is_damage() || error.is_missing() => damaged.push((id.clone(), error)),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn note_left_out(damaged: &[(Id, Error)]) {
    if let Some((id, error)) = damaged.first() {
        tracing::error!(%id, %error, count = damaged.len(), "records are left out of a list: they cannot be read");
    }
}

/// What of a range lies before an id.
fn before(range: &Range<u128>, id: &Id) -> Range<u128> {
    range.start..id.unique().min(range.end)
}

/// What of a range lies after an id.
fn after(range: &Range<u128>, id: &Id) -> Range<u128> {
    id.unique().saturating_add(1).max(range.start)..range.end
}
