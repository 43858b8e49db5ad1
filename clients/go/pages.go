package bonafide

import (
	"slices"

	"google.golang.org/grpc/codes"
)

type page[Item any] interface {
	GetData() []Item
	GetHasMore() bool
}

// Yields the items of page after page, moving the cursors of the request that list sends.
func turnPages[Item interface{ GetId() string }](
	yield func(Item, error) bool, startingAfter, endingBefore **string, list func() (page[Item], error),
) {
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
