package bonafide;

import java.io.Serializable;

/**
 * A field of a request that is wrong.
 *
 * @param field its path, such as {@code options.document.allowed_types}
 * @param description what is wrong with it
 */
public record Violation(String field, String description) implements Serializable {}
