package bucket

import (
	"errors"
	"fmt"
	"os"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// ReadKeys reads keys from a file as other programs for S3 have it, and without a
// file from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
func ReadKeys(file string) (Keys, error) {
	if file == "" {
		k := Keys{os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")}
		if k.ID == "" || k.Secret == "" {
			return Keys{}, errors.New("there is no file with keys, and the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set: set one or the other")
		}
		return k, nil
	}
	if _, err := os.ReadFile(file); err != nil {
		return Keys{}, fmt.Errorf("the file with the keys cannot be read: %w", err)
	}
	v, err := credentials.NewFileAWSCredentials(file, "").GetWithContext(nil)
	if err != nil || v.AccessKeyID == "" || v.SecretAccessKey == "" { // err may hold what is in the file
		return Keys{}, fmt.Errorf("%s holds no keys: write [default], then aws_access_key_id = … and aws_secret_access_key = …, a line each", file)
	}
	return Keys{v.AccessKeyID, v.SecretAccessKey, v.SessionToken}, nil
}
