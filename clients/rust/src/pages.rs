//! All pages of a list, one after the other.

use std::future::Future;

use futures_util::stream::{self, Stream, TryStreamExt as _};

use crate::Error;
use crate::v1::{
    ListVerificationReportsRequest, ListVerificationReportsResponse, ListVerificationSessionsRequest,
    ListVerificationSessionsResponse, VerificationReport, VerificationSession,
};

/// How many are asked for at once where the request does not say: the most that there can be.
const PAGE: u32 = 100;

/// A request for a page.
pub(crate) trait List: Clone {
    type Item;
    type Page;

    fn limit(&mut self) -> &mut Option<u32>;
    fn starting_after(&mut self) -> &mut Option<String>;
    fn ending_before(&mut self) -> &mut Option<String>;

    /// What a page holds, newest first, and whether there is more.
    fn open(page: Self::Page) -> (Vec<Self::Item>, bool);
    fn id(item: &Self::Item) -> &String;
}

macro_rules! list {
    ($($request:ty => $page:ty, $item:ty;)+) => {
        $(impl List for $request {
            type Item = $item;
            type Page = $page;

            fn limit(&mut self) -> &mut Option<u32> {
                &mut self.limit
            }

            fn starting_after(&mut self) -> &mut Option<String> {
                &mut self.starting_after
            }

            fn ending_before(&mut self) -> &mut Option<String> {
                &mut self.ending_before
            }

            fn open(page: $page) -> (Vec<$item>, bool) {
                (page.data, page.has_more)
            }

            fn id(item: &$item) -> &String {
                &item.id
            }
        })+
    };
}

list! {
    ListVerificationSessionsRequest => ListVerificationSessionsResponse, VerificationSession;
    ListVerificationReportsRequest => ListVerificationReportsResponse, VerificationReport;
}

/// Reads pages as their items are asked for: to the older ones or, from `ending_before` on, to the newer ones, oldest first.
pub(crate) fn all<L: List, F>(mut request: L, read: impl Fn(L) -> F) -> impl Stream<Item = Result<L::Item, Error>>
where
    F: Future<Output = Result<L::Page, Error>>,
{
    request.limit().get_or_insert(PAGE);
    let pages = stream::try_unfold(Some(request), move |request| {
        let page = request.map(|request| (read(request.clone()), request));
        async move {
            let Some((page, request)) = page else {
                return Ok::<_, Error>(None);
            };
            let (items, next) = turn(request, page.await?)?;
            Ok(Some((stream::iter(items.into_iter().map(Ok)), next)))
        }
    });
    pages.try_flatten()
}

/// The items of a page in the order of reading, and the request for the next one, if there is one.
fn turn<L: List>(mut request: L, page: L::Page) -> Result<(Vec<L::Item>, Option<L>), Error> {
    let (mut items, has_more) = L::open(page);
    let is_to_newer = request.ending_before().is_some();
    if is_to_newer {
        items.reverse();
    }
    if !has_more {
        return Ok((items, None));
    }
    let last = items.last().map(|item| L::id(item).clone());
    let last =
        last.ok_or_else(|| Error::incomplete("a page of the list has nothing that the next one could start after"))?;
    if is_to_newer {
        *request.ending_before() = Some(last);
    } else {
        *request.starting_after() = Some(last);
    }
    Ok((items, Some(request)))
}
