//! All pages of a list, one after the other.

use std::future::Future;

use futures_util::stream::{self, Stream, TryStreamExt as _};

use crate::Error;

/// A page: its items, and where the next one starts, if there is one.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

/// Reads pages as their items are asked for. `read` answers the page that starts after an item, the first without one.
pub(crate) fn all<T, F>(read: impl Fn(Option<String>) -> F) -> impl Stream<Item = Result<T, Error>>
where
    F: Future<Output = Result<Page<T>, Error>>,
{
    let pages = stream::try_unfold(Some(None), move |start| {
        let page = start.map(&read);
        async move {
            let Some(page) = page else { return Ok::<_, Error>(None) };
            let Page { items, next } = page.await?;
            Ok(Some((stream::iter(items.into_iter().map(Ok)), next.map(Some))))
        }
    });
    pages.try_flatten()
}
