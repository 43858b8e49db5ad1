// Package bonafide calls a deployment of Bonafide, a self-hosted system that verifies identities.
//
// A backend makes one [Client] for its API key, and shares it: it opens a session, hands its client secret to the person's device, and
// waits for the outcome.
//
//	client, err := bonafide.NewClient("https://bonafide.example:50051", key)
//	...
//	session, err := client.Sessions.Create(ctx, &identity.CreateVerificationSessionRequest{
//		Type: identity.VerificationType_VERIFICATION_TYPE_DOCUMENT,
//	})
//	...
//	session, err = client.Sessions.Wait(ctx, session.GetId())
//
// Requests and answers are the messages of the contract, in package identity. Every call has a deadline, is sent again where that may
// help, and carries an idempotency key where it changes something, so that nothing is done twice. An error of a call is an [*Error].
package bonafide

// Version is that of this library.
const Version = "0.1.0"
