package bonafide

import (
	"slices"

	"google.golang.org/grpc/codes"
)

// How many are asked for at once where the request does not say: the most that there can be.
const largestPage uint32 = 100

type page[Item any] interface {
	GetData() []Item
	GetHasMore() bool
}

// Yields the items of page after page, moving the cursors of the request that list sends.
func turnPages[Item interface{ GetId() string }](
	yield func(Item, error) bool, limit **uint32, startingAfter, endingBefore **string, list func() (page[Item], error),
) {
	if *limit == nil {
		most := largestPage
		*limit = &most
	}
	var none Item
	for {
		page, err := list()
		if err != nil {
			yield(none, err)
			return
		}
		items, cursor := page.GetData(), startingAfter
		if *endingBefore != nil {
			// Pages go towards newer ones, and each has its newest first.
			items, cursor = slices.Clone(items), endingBefore
			slices.Reverse(items)
		}
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
		if !page.GetHasMore() {
			return
		}
		if len(items) == 0 {
			// Without an end this would ask for the same page for ever.
			yield(none, newError(codes.DataLoss, "a page is empty, though there are more"))
			return
		}
		last := items[len(items)-1].GetId()
		*cursor = &last
	}
}
