// Command example verifies a person: it opens a session, uploads the pictures and submits them in the person's place, waits for the checks
// and prints what they found.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"bonafide"
	"bonafide/identity"
)

func main() {
	if len(os.Args) < 5 || len(os.Args) > 6 {
		fmt.Fprintln(os.Stderr, "usage: example ADDRESS KEY_FILE DOCUMENT SELFIE [CA_FILE]")
		os.Exit(2)
	}
	var options []bonafide.Option
	if len(os.Args) == 6 {
		options = append(options, bonafide.WithCAFile(os.Args[5]))
	}
	if err := verify(context.Background(), os.Args[1], os.Args[2], os.Args[3], os.Args[4], options...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func verify(ctx context.Context, address, keyFile, document, selfie string, options ...bonafide.Option) error {
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	client, err := bonafide.NewClient(address, strings.TrimSpace(string(key)), options...)
	if err != nil {
		return err
	}
	defer client.Close()

	// The backend opens a session ...
	session, err := client.Sessions.Create(ctx, &identity.CreateVerificationSessionRequest{
		Type: identity.VerificationType_VERIFICATION_TYPE_DOCUMENT,
		Options: &identity.VerificationSessionOptions{
			Document: &identity.DocumentOptions{RequireMatchingSelfie: true},
		},
	})
	if err != nil {
		return err
	}

	// ... the person's device uploads and submits with the session's client secret ...
	person, err := client.Person(session)
	if err != nil {
		return err
	}
	for _, picture := range []struct {
		purpose identity.ImagePurpose
		path    string
	}{
		{identity.ImagePurpose_IMAGE_PURPOSE_DOCUMENT_FRONT, document},
		{identity.ImagePurpose_IMAGE_PURPOSE_SELFIE, selfie},
	} {
		data, err := os.ReadFile(picture.path)
		if err != nil {
			return err
		}
		if _, err := person.Upload(ctx, picture.purpose, data); err != nil {
			return err
		}
	}
	if _, err := person.Submit(ctx); err != nil {
		return err
	}

	// ... and the backend waits for the outcome and reads the report.
	session, err = client.Sessions.Wait(ctx, session.GetId())
	if err != nil {
		return err
	}
	fmt.Println(session.GetStatus())
	if failure := session.GetLastError(); failure != nil {
		fmt.Println(failure.GetCode(), "-", failure.GetReason())
	}
	report, err := client.Reports.Get(ctx, session.GetLastVerificationReport())
	if err != nil {
		return err
	}
	fmt.Println(report.GetDocument().GetFirstName(), report.GetDocument().GetLastName())
	found := report.GetInsights().GetSelfie()
	fmt.Printf("similarity %.3f, threshold %.3f\n", found.GetSimilarity(), found.GetThreshold())
	return nil
}
