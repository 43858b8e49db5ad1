package bonafide_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"bonafide"
	"bonafide/identity"
)

// A backend opens a session, and waits for the outcome.
func Example() {
	ctx := context.Background()
	client, err := bonafide.NewClient("https://bonafide.example:50051", os.Getenv("BONAFIDE_API_KEY"))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	session, err := client.Sessions.Create(ctx, &identity.CreateVerificationSessionRequest{
		Type: identity.VerificationType_VERIFICATION_TYPE_DOCUMENT,
	})
	if err != nil {
		log.Fatal(err)
	}
	// ... the person's device uploads and submits with session.GetClientSecret() ...
	session, err = client.Sessions.Wait(ctx, session.GetId())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(session.GetStatus(), session.GetLastError().GetCode())
}

func ExampleError() {
	var client *bonafide.Client
	_, err := client.Sessions.Get(context.Background(), "vs_…")
	var failure *bonafide.Error
	switch {
	case errors.Is(err, bonafide.ErrNotFound):
		fmt.Println("there is no such session")
	case errors.As(err, &failure) && failure.Reason == bonafide.ReasonCredentialInvalid:
		fmt.Println("the key is not known")
	}
}

func ExampleSessions_Watch() {
	var client *bonafide.Client
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	for session, err := range client.Sessions.Watch(ctx, "vs_…") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(session.GetStatus())
	}
}

func ExampleSessions_All() {
	var client *bonafide.Client
	reference := "order 1007"
	request := &identity.ListVerificationSessionsRequest{ClientReferenceId: &reference}
	for session, err := range client.Sessions.All(context.Background(), request) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(session.GetId())
	}
}

func ExampleTestHelpers_Simulate() {
	var client *bonafide.Client
	session, err := client.TestHelpers.Simulate(context.Background(), &identity.SimulateVerificationRequest{
		VerificationSession: "vs_…",
		Error:               identity.VerificationErrorCode_VERIFICATION_ERROR_CODE_DOCUMENT_EXPIRED,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(session.GetStatus())
}
