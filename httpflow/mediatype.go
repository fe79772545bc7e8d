package httpflow

import (
	"net/http"
	"path"
	"strings"
)

// mediaTypes is a table of our own: the one of package mime depends on what is installed on the
// machine.
var mediaTypes = map[string]string{
	".aac":   "audio/aac",
	".flac":  "audio/flac",
	".m4a":   "audio/mp4",
	".mid":   "audio/midi",
	".mp3":   "audio/mpeg",
	".oga":   "audio/ogg",
	".ogg":   "audio/ogg",
	".opus":  "audio/ogg",
	".wav":   "audio/wav",
	".weba":  "audio/webm",
	".avi":   "video/x-msvideo",
	".m2ts":  "video/mp2t",
	".m4v":   "video/mp4",
	".mkv":   "video/matroska",
	".mov":   "video/quicktime",
	".mp4":   "video/mp4",
	".mpeg":  "video/mpeg",
	".mpg":   "video/mpeg",
	".ogv":   "video/ogg",
	".webm":  "video/webm",
	".m3u8":  "application/vnd.apple.mpegurl",
	".m4s":   "video/iso.segment",
	".mpd":   "application/dash+xml",
	".srt":   "application/x-subrip",
	".vtt":   "text/vtt; charset=utf-8",
	".avif":  "image/avif",
	".bmp":   "image/bmp",
	".gif":   "image/gif",
	".ico":   "image/vnd.microsoft.icon",
	".jpeg":  "image/jpeg",
	".jpg":   "image/jpeg",
	".png":   "image/png",
	".svg":   "image/svg+xml",
	".tif":   "image/tiff",
	".tiff":  "image/tiff",
	".webp":  "image/webp",
	".css":   "text/css; charset=utf-8",
	".csv":   "text/csv; charset=utf-8",
	".htm":   "text/html; charset=utf-8",
	".html":  "text/html; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".log":   "text/plain; charset=utf-8",
	".md":    "text/markdown; charset=utf-8",
	".mjs":   "text/javascript; charset=utf-8",
	".txt":   "text/plain; charset=utf-8",
	".xml":   "text/xml; charset=utf-8",
	".json":  "application/json",
	".jsonl": "application/jsonl",
	".map":   "application/json",
	".otf":   "font/otf",
	".ttf":   "font/ttf",
	".woff":  "font/woff",
	".woff2": "font/woff2",
	".7z":    "application/x-7z-compressed",
	".br":    "application/octet-stream",
	".bz2":   "application/x-bzip2",
	".epub":  "application/epub+zip",
	".gz":    "application/gzip",
	".iso":   "application/octet-stream",
	".pdf":   "application/pdf",
	".tar":   "application/x-tar",
	".tgz":   "application/gzip",
	".wasm":  "application/wasm",
	".xz":    "application/x-xz",
	".zip":   "application/zip",
	".zst":   "application/zstd",
}

// typeByName is the media type for a name's extension, or empty.
func typeByName(name string) string { return mediaTypes[strings.ToLower(path.Ext(name))] }

// mediaType goes by the name; where that says nothing, by the first 512 bytes, which head reads.
func mediaType(name string, head func() ([]byte, error)) (string, error) {
	if t := typeByName(name); t != "" {
		return t, nil
	}
	b, err := head()
	return http.DetectContentType(b), err
}
