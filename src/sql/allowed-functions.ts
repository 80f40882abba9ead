/**
 * Functions of `pg_catalog` that user SQL may call, whatever their arguments. Volatility is no measure of safety (STABLE
 * functions read whole databases), so the list is positive and reviewed by hand: nothing that reads catalogs, settings,
 * files or other sessions, nothing that runs SQL from a string, nothing that takes a `reg*` argument, nothing that waits, locks or writes,
 * nothing that makes a value as large as it is told to (`repeat`, `lpad`, `rpad`, `array_fill`, `factorial`, `bpchar(text, n, …)`, `polygon(n, circle)`;
 * `format` is held to texts without widths by the guard). `pg_typeof` tells a value's type and nothing of the catalog; the `regconfig` of text
 * search names a dictionary; encodings (`getdatabaseencoding`), versions and sizes are nobody's business. Held against `pg_proc` by
 * test/integration/allowed-functions.test.ts.
 */
const NAMES = `
  abbrev abs acos acosd acosh age any_value area array_agg array_dims array_length array_lower
  array_ndims array_position array_positions array_remove array_replace array_reverse array_sort array_to_json
  array_to_string array_upper ascii asin asind asinh atan atan2 atan2d atand atanh avg bit_and bit_count
  bit_length bit_or bit_xor bool bool_and bool_or box broadcast btrim cardinality casefold cbrt ceil
  ceiling center char_length character_length chr cidr circle clock_timestamp concat concat_ws convert
  convert_from convert_to corr cos cosd cosh cot cotd count covar_pop covar_samp crc32 crc32c cume_dist date
  date_add date_bin date_part date_subtract date_trunc datemultirange daterange decode degrees dense_rank diagonal
  diameter div encode enum_first enum_last enum_range erf erfc every exp extract family first_value
  float4 float8 floor format gamma gcd gen_random_uuid generate_series generate_subscripts get_bit get_byte height
  host hostmask inet_merge inet_same_family initcap int2 int4 int4multirange int4range int8 int8multirange
  int8range interval is_normalized isclosed isempty isfinite ishorizontal isopen isparallel isperp isvertical
  json_agg json_array_elements json_array_elements_text json_array_length json_build_array json_build_object
  json_each json_each_text json_object json_object_agg json_object_keys json_strip_nulls json_typeof jsonb_agg
  jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object
  jsonb_each jsonb_each_text jsonb_insert jsonb_object jsonb_object_agg jsonb_object_keys jsonb_path_exists
  jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz jsonb_path_query jsonb_path_query_array
  jsonb_path_query_array_tz jsonb_path_query_first jsonb_path_query_first_tz jsonb_path_query_tz jsonb_pretty
  jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_typeof justify_days justify_hours justify_interval lag
  last_value lcm lead left length lgamma like line ln log log10 lower lower_inc lower_inf lseg ltrim macaddr
  macaddr8 macaddr8_set7bit make_date make_interval make_time make_timestamp make_timestamptz masklen max md5 min
  min_scale mod mode multirange netmask network normalize now npoints nth_value ntile num_nonnulls num_nulls
  numeric nummultirange numnode numrange octet_length overlaps overlay parse_ident path percent_rank
  percentile_cont percentile_disc pg_typeof phraseto_tsquery pi plainto_tsquery point position pow power
  quote_ident quote_literal quote_nullable radians radius random range_agg range_intersect_agg range_merge rank
  regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
  regexp_split_to_table regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx
  regr_sxy regr_syy replace reverse right round row_number row_to_json rtrim scale set_bit set_byte
  set_masklen sha224 sha256 sha384 sha512 sign sin sind sinh slope split_part sqrt starts_with statement_timestamp
  stddev stddev_pop stddev_samp string_agg string_to_array string_to_table strpos substr substring sum tan tand
  tanh text time timestamp timestamptz timetz timezone to_char to_date to_hex to_json to_jsonb to_number
  to_timestamp to_tsquery to_tsvector transaction_timestamp translate trim_array trim_scale trunc ts_rank
  ts_rank_cd tsmultirange tsrange tstzmultirange tstzrange unistr unnest upper upper_inc upper_inf
  uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7 var_pop var_samp varbit varchar variance
  websearch_to_tsquery width width_bucket
`;

export const ALLOWED_FUNCTIONS: ReadonlySet<string> = new Set(NAMES.trim().split(/\s+/));
