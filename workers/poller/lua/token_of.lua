-- Return the token of an encoded subscription; nil if it is damaged.
local function token_of(subscription)
  local is_json, value = pcall(cjson.decode, subscription)
  return is_json and type(value) == 'table' and value.token or nil
end
