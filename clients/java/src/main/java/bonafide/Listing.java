package bonafide;

import io.grpc.Status;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.Function;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * A list of which the pages are read as they are needed. Each iterator begins with the first page; none holds anything that had to be
 * closed. {@code limit} of the request is how many a page has, 100 when it is not given.
 *
 * <p>Sessions and reports come newest first, or, when the request has {@code ending_before}, from there towards the newest one.
 *
 * @param <T> what is listed
 */
public final class Listing<T> implements Iterable<T> {
    /** How many are read at once where the request does not say: the most that there can be. */
    static final int LARGEST_PAGE = 100;

    private final boolean towardsNewest;
    private final Function<String, Page<T>> read;
    private final Function<T, String> id;

    /**
     * @param read reads the page after the item with this id; the first one when it is null
     */
    Listing(boolean towardsNewest, Function<String, Page<T>> read, Function<T, String> id) {
        this.towardsNewest = towardsNewest;
        this.read = read;
        this.id = id;
    }

    /** {@code items} are newest first, whichever way the pages go. */
    record Page<T>(List<T> items, boolean hasMore) {}

    /**
     * Its {@link Iterator#hasNext} may read a page, and throw a {@link BonafideException}: it can be called again then.
     */
    @Override
    public Iterator<T> iterator() {
        return new Items();
    }

    /** The same as a stream. */
    public Stream<T> stream() {
        return StreamSupport.stream(spliterator(), false);
    }

    private final class Items implements Iterator<T> {
        private final Deque<T> page = new ArrayDeque<>();
        private String last;
        private boolean hasMore = true;

        @Override
        public boolean hasNext() {
            while (page.isEmpty() && hasMore) {
                Page<T> next = read.apply(last);
                if (next.hasMore() && next.items().isEmpty()) {
                    // Where to go on is not known, and what was read is not all.
                    throw BonafideException.of(Failure.here(
                            Status.Code.DATA_LOSS, "there are more, and the page has none to go on from"));
                }
                next.items().forEach(towardsNewest ? page::addFirst : page::addLast);
                hasMore = next.hasMore();
            }
            return !page.isEmpty();
        }

        @Override
        public T next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            T item = page.removeFirst();
            last = id.apply(item);
            return item;
        }
    }
}
