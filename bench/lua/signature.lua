-- The same job in OpenResty's way: verify the client's Signature V4 in the access phase, sign anew for the origin, and
-- let proxy_pass do the rest.
--
-- Written to be fast, as a careful Lua author would: signing keys are kept as expanded HMAC states in an LRU cache, SHA-256 is
-- libcrypto's, called through the FFI without allocating, only the headers that the job needs are looked at, and every
-- function below is compiled by LuaJIT. What it leaves out, compared with the module, makes it cheaper and not dearer: no grants,
-- no error documents with the canonical request, no check of repeated or unsigned x-amz-* headers, no Signature V2, no session
-- tokens, no signing per peer (the signature is made before the balancer has spoken), and no signed chunks (Lua cannot
-- rewrite a body that proxy_pass streams).

local bit = require "bit"
local ffi = require "ffi"
local lrucache = require "resty.lrucache"
local new_table = require "table.new"

local byte, find, gsub, lower, match, sub =
    string.byte, string.find, string.gsub, string.lower, string.match, string.sub
local concat, sort = table.concat, table.sort
local C, copy, ffi_string = ffi.C, ffi.copy, ffi.string
local ngx = ngx
local get_headers, set_header, clear_header = ngx.req.get_headers, ngx.req.set_header, ngx.req.clear_header

ffi.cdef [[
typedef struct { uint32_t h[8]; uint32_t Nl, Nh; uint32_t data[16]; unsigned int num, md_len; } bench_sha256_ctx;
int SHA256_Init(bench_sha256_ctx *c);
int SHA256_Update(bench_sha256_ctx *c, const void *data, size_t len);
int SHA256_Final(unsigned char *md, bench_sha256_ctx *c);
]]

local CONTEXT_SIZE = ffi.sizeof "bench_sha256_ctx"
local context = ffi.new "bench_sha256_ctx"
local digest = ffi.new "unsigned char[32]"
local hex_buffer = ffi.new "unsigned char[64]"
local hmac_type = ffi.typeof "struct { bench_sha256_ctx inner, outer; }"
local DIGITS = "0123456789abcdef"

local function hex()
    for i = 0, 31 do
        local value = digest[i]
        hex_buffer[2 * i] = byte(DIGITS, bit.rshift(value, 4) + 1)
        hex_buffer[2 * i + 1] = byte(DIGITS, bit.band(value, 15) + 1)
    end
    return ffi_string(hex_buffer, 64)
end

local function sha256_hex(text)
    C.SHA256_Init(context)
    C.SHA256_Update(context, text, #text)
    C.SHA256_Final(digest, context)
    return hex()
end

-- The two states of HMAC after its key, so that a signature needs no key schedule.
local pad = ffi.new "unsigned char[64]"

local function expand(key)
    if #key > 64 then
        C.SHA256_Init(context)
        C.SHA256_Update(context, key, #key)
        C.SHA256_Final(digest, context)
        key = ffi_string(digest, 32)
    end
    local state = hmac_type()
    for i = 0, 63 do
        pad[i] = bit.bxor(i < #key and byte(key, i + 1) or 0, 0x36)
    end
    C.SHA256_Init(state.inner)
    C.SHA256_Update(state.inner, pad, 64)
    for i = 0, 63 do
        pad[i] = bit.bxor(i < #key and byte(key, i + 1) or 0, 0x5c)
    end
    C.SHA256_Init(state.outer)
    C.SHA256_Update(state.outer, pad, 64)
    return state
end

-- Leaves the MAC in `digest`.
local function hmac(state, text)
    copy(context, state.inner, CONTEXT_SIZE)
    C.SHA256_Update(context, text, #text)
    C.SHA256_Final(digest, context)
    copy(context, state.outer, CONTEXT_SIZE)
    C.SHA256_Update(context, digest, 32)
    C.SHA256_Final(digest, context)
end

local function raw_hmac(key, text)
    hmac(expand(key), text)
    return ffi_string(digest, 32)
end

local keys = assert(lrucache.new(1000))

-- The expanded signing key of `secret` for a scope; `id` names both.
local function signing_key(id, secret, date, region, service)
    local state = keys:get(id)
    if not state then
        local key = raw_hmac("AWS4" .. secret, date)
        key = raw_hmac(raw_hmac(raw_hmac(key, region), service), "aws4_request")
        state = expand(key)
        keys:set(id, state, 86400)
    end
    return state
end

-- Escapes of a path and of a query, in canonical form: most targets are in it already and are taken as they are.
local escapes = new_table(0, 256)
for i = 0, 255 do
    escapes[string.char(i)] = string.format("%%%02X", i)
end

local function canonical_path(path)
    if not find(path, "[^%w%-%._~/]") then
        return path
    end
    return (gsub(ngx.unescape_uri((gsub(path, "%+", "%%2B"))), "[^%w%-%._~/]", escapes))
end

local function canonical_part(part)
    if not find(part, "[^%w%-%._~]") then
        return part
    end
    return (gsub(ngx.unescape_uri((gsub(part, "%+", "%%20"))), "[^%w%-%._~]", escapes))
end

-- Parts a query into its authentication (a table) and everything else in canonical form; `signed` is what was signed.
local function parse_query(query)
    local auth = {}
    if query == "" then
        return auth, "", ""
    end
    local all, rest = {}, {}
    local n, m = 0, 0
    for pair in string.gmatch(query, "[^&]+") do
        local equals = find(pair, "=", 1, true)
        local name = canonical_part(equals and sub(pair, 1, equals - 1) or pair)
        local value = canonical_part(equals and sub(pair, equals + 1) or "")
        local entry = name .. "=" .. value
        if sub(name, 1, 6) == "X-Amz-" then
            auth[name] = ngx.unescape_uri(value)
            if name ~= "X-Amz-Signature" then
                n = n + 1
                all[n] = entry
            end
        else
            n, m = n + 1, m + 1
            all[n] = entry
            rest[m] = entry
        end
    end
    sort(all)
    sort(rest)
    return auth, concat(all, "&"), concat(rest, "&")
end

-- Compares without telling where the difference is.
local function equals(a, b)
    if #a ~= #b then
        return false
    end
    local difference = 0
    for i = 1, #a do
        difference = bit.bor(difference, bit.bxor(byte(a, i), byte(b, i)))
    end
    return difference == 0
end

local function canonical_value(value)
    if type(value) == "table" then
        value = concat(value, ",")
    end
    value = match(value, "^%s*(.-)%s*$")
    if find(value, "  ", 1, true) or find(value, "\t", 1, true) then
        value = gsub(value, "[ \t]+", " ")
    end
    return value
end

local function signature(state, amz_date, scope, canonical)
    hmac(state, "AWS4-HMAC-SHA256\n" .. amz_date .. "\n" .. scope .. "\n" .. sha256_hex(canonical))
    return hex()
end

local function days(year, month, day)
    if month <= 2 then
        year, month = year - 1, month + 12
    end
    return 365 * year + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
        + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
end

local function unix_time(amz_date)
    local year, month, day, hour, minute, second =
        match(amz_date, "^(%d%d%d%d)(%d%d)(%d%d)T(%d%d)(%d%d)(%d%d)Z$")
    if not year then
        return nil
    end
    return ((days(tonumber(year), tonumber(month), tonumber(day)) * 24 + tonumber(hour)) * 60
        + tonumber(minute)) * 60 + tonumber(second)
end

local function refuse(code)
    local body = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>' .. code .. '</Code></Error>'
    ngx.status = 403
    ngx.header["Content-Type"] = "application/xml"
    ngx.header["Content-Length"] = #body
    ngx.print(body)
    return ngx.exit(403)
end

local _M = {}

-- Verifies the request with the secrets of `clients`, a table from access key id to secret, and signs it for `origin`:
-- access_key, secret, region, host.
function _M.access(clients, origin)
    local headers = get_headers(100, true)
    local target = ngx.var.request_uri
    local mark = find(target, "?", 1, true)
    local path = canonical_path(mark and sub(target, 1, mark - 1) or target)
    local auth, signed_query, query = parse_query(mark and sub(target, mark + 1) or "")

    local lowered = new_table(0, 24)
    for name, value in pairs(headers) do
        lowered[lower(name)] = value
    end

    local credential, names, claimed, amz_date, payload
    local authorization = lowered["authorization"]
    if authorization then
        credential, names, claimed = match(authorization,
            "^AWS4%-HMAC%-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=(%x+)$")
        amz_date = lowered["x-amz-date"]
        payload = lowered["x-amz-content-sha256"]
    elseif auth["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256" then
        credential, names, claimed =
            auth["X-Amz-Credential"], auth["X-Amz-SignedHeaders"], auth["X-Amz-Signature"]
        amz_date = auth["X-Amz-Date"]
        payload = "UNSIGNED-PAYLOAD"
    end
    if not (credential and names and claimed and amz_date and payload) then
        return refuse("AccessDenied")
    end
    local time = unix_time(amz_date)
    local age = time and ngx.time() - time
    local limit = authorization and 900 or tonumber(auth["X-Amz-Expires"])
    if not age or not limit or age > limit or age < -900 then
        return refuse("RequestTimeTooSkewed")
    end
    local access_key, date, region, service =
        match(credential, "^([^/]+)/(%d+)/([^/]*)/([^/]+)/aws4_request$")
    local secret = access_key and clients[access_key]
    if not secret or date ~= sub(amz_date, 1, 8) then
        return refuse("InvalidAccessKeyId")
    end

    local lines = new_table(24, 0)
    lines[1], lines[2], lines[3] = ngx.var.request_method, path, signed_query
    local n = 3
    for name in string.gmatch(names, "[^;]+") do
        n = n + 1
        lines[n] = name .. ":" .. canonical_value(lowered[name] or "")
    end
    lines[n + 1], lines[n + 2], lines[n + 3] = "", names, payload
    local scope = date .. "/" .. region .. "/" .. service .. "/aws4_request"
    local state = signing_key(credential, secret, date, region, service)
    if not equals(signature(state, amz_date, scope, concat(lines, "\n")), claimed) then
        return refuse("SignatureDoesNotMatch")
    end

    -- For the origin: Host, every x-amz-* and the headers that describe the body are signed.
    amz_date = os.date("!%Y%m%dT%H%M%SZ", ngx.time())
    date = sub(amz_date, 1, 8)
    local signed = new_table(24, 0)
    n = 0
    for name, value in pairs(lowered) do
        if name == "content-type" or name == "content-length" or name == "content-encoding" or name == "content-md5"
            or (sub(name, 1, 6) == "x-amz-" and name ~= "x-amz-date")
        then
            n = n + 1
            signed[n] = name
        end
    end
    n = n + 1
    signed[n] = "host"
    if not lowered["x-amz-content-sha256"] then
        n = n + 1
        signed[n] = "x-amz-content-sha256"
        lowered["x-amz-content-sha256"] = payload
        set_header("x-amz-content-sha256", payload)
    end
    n = n + 1
    signed[n] = "x-amz-date"
    sort(signed)
    lowered["x-amz-date"] = amz_date
    lowered["host"] = origin.host

    lines = new_table(24, 0)
    lines[1], lines[2], lines[3] = ngx.var.request_method, path, query
    for i = 1, n do
        lines[3 + i] = signed[i] .. ":" .. canonical_value(lowered[signed[i]])
    end
    names = concat(signed, ";")
    lines[n + 4], lines[n + 5], lines[n + 6] = "", names, payload
    region = origin.region
    scope = date .. "/" .. region .. "/s3/aws4_request"
    state = signing_key("origin/" .. scope, origin.secret, date, region, "s3")
    set_header("x-amz-date", amz_date)
    set_header("Authorization", "AWS4-HMAC-SHA256 Credential=" .. origin.access_key .. "/" .. scope .. ", SignedHeaders="
        .. names .. ", Signature=" .. signature(state, amz_date, scope, concat(lines, "\n")))
    clear_header("Cookie")
    ngx.var.s3_target = query == "" and path or path .. "?" .. query
end

return _M
