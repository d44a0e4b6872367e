# Upload ids of `s3_sticky_uploads`, made here by code of its own: as README.md and crates/s3/src/upload_id.rs say.
package S3Proxy::Uploads;

use v5.36;
use Digest::SHA qw(hmac_sha256 sha256_hex);
use Exporter qw(import);
use MIME::Base64 qw(encode_base64url);
use S3Proxy::Check;

our @EXPORT = qw($STICKY upload_id upload_query);

my $KEY = 'upload/Secret+Key=';
our $STICKY = "s3_sticky_uploads $KEY;";
$S3Proxy::Check::NEVER_SHOWN{$KEY} = 'a secret';

# What clients call an upload of that origin's, which the origin itself calls `id`.
sub upload_id ($origin, $id = "2~\u$origin+/=", $bucket = 'media', $key = $KEY) {
    my $tag = substr sha256_hex($origin), 0, 8;
    my $code = substr hmac_sha256("s3 upload id 1\0$tag" . pack('Q>', length $bucket) . "$bucket$id", $key), 0, 16;
    return "s3u1.$tag." . encode_base64url($code) . ".$id";
}

# The same in a query.
sub upload_query (@of) { return upload_id(@of) =~ s/([^\w.~-])/sprintf '%%%02X', ord $1/ger }

1;
