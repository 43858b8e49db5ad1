//! All pages of a list, one after the other.

use std::future::Future;

use futures_util::stream::{self, Stream, TryStreamExt as _};

use crate::Error;

/// A page: its items, and where the next one starts, if there is one.
pub(crate) struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl<T> Page<T> {
    pub(crate) fn of(items: Vec<T>, has_more: bool, id: impl Fn(&T) -> &String) -> Result<Self, Error> {
        let next = items.last().filter(|_| has_more).map(|item| id(item).clone());
        if has_more && next.is_none() {
            return Err(Error::incomplete(
                "a page of the list has nothing that the next one could start after",
            ));
        }
        Ok(Self { items, next })
    }
}

/// Pages follow each other forwards alone.
pub(crate) fn only_forwards(ending_before: Option<&str>) -> Result<(), Error> {
    match ending_before {
        Some(_) => Err(Error::invalid(
            "all pages are read forwards: ending_before is for a single one",
        )),
        None => Ok(()),
    }
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
