/**
 * Verifies identities with a deployment of Bonafide: begin with {@link bonafide.Client#builder}.
 *
 * <p>Messages are those of the contract, in {@code bonafide.identity.v1}; what their fields mean stands in the {@code .proto} files.
 */
package bonafide;
