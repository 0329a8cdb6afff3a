"""Fields of campaigns, ad groups and ads that a caller may ask for by name: those of TikTok's reference pages."""

from typing import Any, Final

from simulator.envelope import parameter_error

CAMPAIGN: Final = frozenset(
    """
    advertiser_id campaign_id campaign_system_origin create_time modify_time objective_type app_promotion_type
    virtual_objective_type sales_destination is_search_campaign is_smart_performance_campaign campaign_type app_id
    is_advanced_dedicated_campaign disable_skan_campaign bid_align_type campaign_app_profile_page_state
    rf_campaign_type campaign_product_source catalog_enabled campaign_name special_industries budget_optimize_on
    bid_type deep_bid_type roas_bid optimization_goal budget_mode budget rta_id rta_bid_enabled
    rta_product_selection_enabled operation_status secondary_status postback_window_mode is_new_structure objective
    po_number
    """.split()
)

ADGROUP: Final = frozenset(
    """
    advertiser_id campaign_id campaign_name campaign_system_origin is_smart_performance_campaign adgroup_id
    adgroup_name create_time modify_time shopping_ads_type identity_id identity_type identity_authorized_bc_id
    product_source catalog_id catalog_authorized_bc_id store_id store_authorized_bc_id promotion_type
    promotion_target_type messaging_app_type messaging_app_account_id phone_region_code phone_region_calling_code
    phone_number promotion_website_type app_id app_type app_download_url pixel_id optimization_event app_config
    placement_type placements tiktok_subplacements search_result_enabled automated_keywords_enabled search_keywords
    comment_disabled video_download_disabled share_disabled blocked_pangle_app_ids audience_type audience_rule
    shopping_ads_retargeting_type shopping_ads_retargeting_actions_days included_custom_actions
    excluded_custom_actions location_ids zipcode_ids languages gender age_groups spending_power household_income
    audience_ids excluded_audience_ids smart_audience_enabled interest_category_ids interest_keyword_ids
    purchase_intention_keyword_ids actions smart_interest_behavior_enabled included_pangle_audience_package_ids
    excluded_pangle_audience_package_ids operating_systems min_android_version ios14_targeting min_ios_version
    device_model_ids network_types carrier_ids isp_ids device_price_ranges saved_audience_id contextual_tag_ids
    brand_safety_type brand_safety_partner is_hfss is_lhf_compliance category_exclusion_ids vertical_sensitivity_id
    budget_mode budget scheduled_budget schedule_type schedule_start_time schedule_end_time predict_impression
    topview_reach_range pre_discount_cpm cpm discount_type discount_amount discount_percentage pre_discount_budget
    schedule_infos delivery_mode dayparting optimization_goal secondary_optimization_event message_event_set_id
    frequency frequency_schedule bid_type bid_price conversion_bid_price deep_bid_type roas_bid vbo_window
    bid_display_mode deep_cpa_bid billing_event pacing secondary_status operation_status statistic_type is_new_structure
    creative_material_mode adgroup_app_profile_page_state feed_type rf_purchased_type purchased_impression
    purchased_reach rf_estimated_cpr rf_estimated_frequency split_test_group_id split_test_status next_day_retention
    skip_learning_phase audience_size_type conversion_window click_attribution_window
    engaged_view_attribution_window view_attribution_window attribution_event_count
    """.split()
)

AD: Final = frozenset(
    """
    advertiser_id campaign_id campaign_name campaign_system_origin is_smart_performance_campaign adgroup_id
    adgroup_name ad_id ad_name create_time modify_time identity_id identity_type identity_authorized_bc_id catalog_id
    product_specific_type item_group_ids product_set_id sku_ids vehicle_ids showcase_products ad_format
    vertical_video_strategy dynamic_format dynamic_destination video_id image_ids carousel_image_index end_card_cta
    product_display_field_list auto_disclaimer_types music_id tiktok_item_id promotional_music_disabled
    item_duet_status item_stitch_status dark_post_status branded_content_disabled shopping_ads_video_package_id
    ad_text ad_texts call_to_action call_to_action_id card_id landing_page_url landing_page_urls utm_params page_id
    cpp_url tiktok_page_category phone_region_code phone_region_calling_code phone_number deeplink deeplink_type
    deeplink_format_type shopping_ads_deeplink_type deeplink_utm_params shopping_ads_fallback_type fallback_type
    aigc_disclosure_type disclaimer_type disclaimer_text disclaimer_clickable_texts tracking_pixel_id
    tracking_app_id tracking_offline_event_set_ids tracking_message_event_set_id vast_moat_enabled
    viewability_postbid_partner viewability_vast_url brand_safety_postbid_partner brand_safety_vast_url
    impression_tracking_url click_tracking_url video_view_tracking_url playable_url instant_product_page_used
    page_image_index creative_authorized is_aco creative_type app_name display_name avatar_icon_web_uri
    profile_image_url operation_status secondary_status is_new_structure optimization_event auto_message_id
    schedule_id
    """.split()
)


def check_fields(wanted: list[str] | None, allowed: frozenset[str]) -> None:
    """Whether all wanted fields exist.

    Raises:
        ApiError: 40002 that names the unknown and the allowed ones.
    """
    unknown = sorted(set(wanted or []) - allowed)
    if unknown:
        raise parameter_error(
            f"Invalid value of 'fields': {', '.join(unknown)}; correct is {', '.join(sorted(allowed))}"
        )


def only(row: dict[str, Any], fields: list[str] | None) -> dict[str, Any]:
    """The wanted fields of a row; all without a wish."""
    return row if fields is None else {name: row[name] for name in fields if name in row}


def without_nulls(row: dict[str, Any]) -> dict[str, Any]:
    """A row for a caller who wants NULL_FIELD excluded."""
    return {name: value for name, value in row.items() if value is not None}
