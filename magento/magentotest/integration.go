package magentotest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// ActivateAt does all of what an admin's click does for an integration: it posts the keys
// to its callback, as Magento does (2.4.6-p1, REC 236), and returns once the callback has
// answered. An answer other than 200 is an error; the integration is not active then.
// baseURL is the shop's address as clients see it.
func (s *Shop) ActivateAt(ctx context.Context, client *http.Client, callback, baseURL string) error {
	form := s.Activate(baseURL)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, callback, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", `Laminas\Http\Client`)
	r.Header.Set("Accept", "*/*")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("magentotest: the callback answered %d", resp.StatusCode)
	}
	return nil
}
